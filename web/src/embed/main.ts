// The components for pages of other systems (docs/guide/embedding.md), in one script without dependencies.
import { EmailElement } from './email';
import { ScoreElement } from './score';
import { TimelineElement } from './timeline';

// Loaded twice, it leaves what is there.
for (const [name, element] of [['inkling-score', ScoreElement], ['inkling-timeline', TimelineElement], ['inkling-email', EmailElement]] as const)
  if (!customElements.get(name)) customElements.define(name, element);
