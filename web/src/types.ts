// What the API answers (docs/openapi.yaml), as far as the screens use it. test/e2e/api.test.mjs holds it against real answers.
export type Level = 'none' | 'aggregate' | 'clicks' | 'full';

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  truncated?: boolean;
}

export interface Metrics {
  sent: number;
  open_rate: number | null;
  click_rate: number | null;
  click_to_open_rate: number | null;
  reply_rate: number | null;
  bounce_rate: number | null;
  unsubscribe_rate: number | null;
  spam_rate: number | null;
  avg_time_to_open: number | null;
  median_time_to_open?: number | null;
  open_base: number;
  click_base: number;
  delivered: number;
  opened: number;
  clicked: number;
  opened_or_clicked: number;
  replied: number;
  bounced: number;
  unsubscribed: number;
  complained: number;
  opens: number;
  machine_opens: number;
  recorded_opens: number;
  clicks: number;
  machine_clicks: number;
  recorded_clicks: number;
  anonymous_opens?: number;
  anonymous_clicks?: number;
}

export interface Span {
  from: string;
  to: string;
}

export type Basis = 'cohort' | 'activity';
export type Summary = Span & Metrics & { time_zone?: string; basis?: Basis; previous: Span & Metrics; change: Metrics };
export type Interval = Span & Metrics;
export type Report<T> = Page<T> & Span & { time_zone: string; basis?: Basis };
export interface Attention {
  code: string;
  text: string;
}
export type Group = Metrics & { id: string | null; name?: string | null; title?: string | null; rank?: number; attention?: Attention[] };

export interface PartProblem {
  problem: { title: string; status: number; detail: string; request_id: string };
}
export interface DashboardParts {
  summary: Summary;
  series: Report<Interval>;
  previous_series: Report<Interval>;
  top: Report<Group>;
  templates: Report<Group>;
  jobs: Report<Pick<Group, 'id' | 'title' | 'sent'>>;
  follow_up: Page<Candidate>; // null: no scores to see
  attention: Report<{ id: string; name: string | null; attention: Attention[] }>;
}
export type Dashboard = Span & { time_zone: string; interval: string; me: Me | null } & { [K in keyof DashboardParts]: DashboardParts[K] | PartProblem | null };

export interface LinkFigures {
  url: string | null;
  link_position: number | null;
  click_rate: number | null;
  click_base: number;
  clicked: number;
  clicks: number;
  machine_clicks: number;
}

export interface Named {
  id: string;
  ref?: string; // of candidates
  name?: string | null;
  title?: string | null;
  email?: string | null;
}

export interface Email {
  id: number;
  message_id: string | null;
  subject: string | null;
  sent_at: string;
  candidate: Named | null;
  sender: Named | null;
  job: Named | null;
  template: Named | null;
  campaign: Named | null;
  sequence: (Named & { step: number | null }) | null;
  delivered_at: string | null;
  opened_at: string | null;
  open_count: number;
  machine_open_count: number;
  clicked_at: string | null;
  click_count: number;
  total_click_count: number;
  machine_click_count: number;
  replied_at: string | null;
  bounced_at: string | null;
  bounce_type: string | null;
  dropped_at: string | null;
  unsubscribed_at: string | null;
  complained_at: string | null;
  tracking: Level;
  tracking_now: Level;
}

export interface Event {
  engagement_event_id: string;
  email_log_id: number;
  event_type: string;
  occurred_at: string;
  received_at: string;
  url: string | null;
  link_position: number | null;
  verdict: 'human' | 'proxied' | 'machine' | null;
  reasons: string[];
  bounce_type: string | null;
  own_recipient: boolean;
  provider: string | null;
  provider_event_id: string | null;
  ip_address: string | null;
  country: string | null;
  user_agent: string | null;
  metadata: Record<string, unknown> | null;
  subject?: string | null;
}

export interface EmailLink {
  url: string | null;
  link_position: number | null;
  clicked_at: string | null;
  click_count: number;
  machine_click_count: number;
}

export type Engagement = 'hot' | 'warm' | 'cold' | 'unknown';

export interface ScorePart {
  part: string;
  points: number;
  max: number;
  measured: boolean;
  code: string;
  text: string;
}

export interface Candidate {
  id: string;
  ref: string;
  name: string | null;
  email: string | null;
  title: string | null;
  tracking: Level | null;
  last_sent_at: string | null;
  last_engaged_at: string | null;
  stats?: Metrics;
  jobs?: Named[];
  score_trend?: (number | null)[];
  engagement_score?: number | null;
  engagement_level?: Engagement;
  explanation?: { part: string | null; code: string; text: string }[];
  score_parts?: ScorePart[];
  trend?: { date: string; score: number | null; level: Engagement }[];
  next_change?: { at: string; score: number | null } | null;
}

export interface Found {
  candidates: Named[];
  emails: { id: number; subject: string | null; sent_at: string; candidate_name: string | null }[];
  campaigns: Named[];
  templates: Named[];
  jobs: Named[];
}

export interface Endpoint {
  id: number;
  provider: string;
  provider_title: string;
  name: string;
  url: string;
  inbound_url: string | null;
  ready: boolean;
  hint: string | null;
  require_signature: boolean;
  secret_count: number;
  credentials: { username?: string; header?: string }[];
  topic_arns: string[];
  allowed_cidrs: string[];
  rate_limit: number;
  pending_confirmation: { kind: string; topic: string; received_at: string } | null;
  confirmed_at: string | null;
  created_at: string;
  updated_at: string;
  disabled_at: string | null;
  health: 'ok' | 'quiet' | 'failing' | 'unknown';
  health_reason: string | null;
}

export interface Provider {
  provider: string;
  title: string;
  secret_help: string;
  signs: boolean;
  topics: boolean;
}

// Figures of an endpoint; "usual": of the same hour or day in the weeks before.
export interface EndpointHealth extends Pick<Endpoint, 'health' | 'health_reason'> {
  last_event_at: string | null;
  events_last_hour: number;
  events_usual_hour: number;
  events_last_day: number;
  events_usual_day: number;
  rejected_last_day: number;
  unreadable_last_day: number;
  clock_ahead_ms: number;
  delay_ms: number;
  hours: { from: string; deliveries: number; events: number; errors: number }[];
  error_rate: number | null;
  processing_p95_ms: number | null;
  last_week: { events: number; orphans: number };
}

export interface Delivery {
  id: number;
  endpoint_id: number;
  kind: 'failed' | 'rejected';
  state: 'kept' | 'replayed' | 'given_up';
  reason: string;
  received_at: string;
  body_size: number;
  replayable: boolean;
  attempts: number;
  next_attempt_at: string | null;
  last_error: string | null;
  headers?: Record<string, string>;
  body?: string;
}

export interface WebhookSubscription {
  id: number;
  url: string;
  description: string;
  events: string[];
  state: 'active' | 'paused' | 'disabled';
  state_reason: string | null;
  failing_since: string | null;
  waiting: number;
  dropped: number;
  dropped_at: string | null;
  former_secret_until: string | null;
  created_at: string;
  updated_at: string;
}

export interface WebhookDelivery {
  id: number;
  message_id: string;
  type: string;
  state: 'waiting' | 'delivered' | 'given_up' | 'withheld';
  attempts: number;
  occurred_at: string;
  created_at: string;
  next_attempt_at: string | null;
  last_attempt_at: string | null;
  last_duration_ms: number | null;
  last_status: number | null;
  last_answer: string | null;
  last_error: string | null;
  payload?: Record<string, unknown> | null;
}

export interface SecurityEvent {
  id: number;
  kind: string;
  endpoint_id: number | null;
  detail: string;
  source: string | null;
  first_at: string;
  last_at: string;
  count: number;
}

export interface OrphanEvent {
  id: number;
  endpoint_id: number | null;
  event_type: string;
  occurred_at: string;
  received_at: string;
  message_ids: string[];
  recipient: string | null;
  url: string | null;
}

export interface User {
  id: number;
  external_id: string | null;
  email: string;
  name: string | null;
  role: 'admin' | 'recruiter' | 'hiring_manager';
  has_password: boolean;
  reads_audit: boolean;
  created_at: string;
  disabled_at: string | null;
  signed_in_at: string | null;
}

export interface ApiKey {
  id: number;
  name: string;
  role: string;
  prefix: string;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
  expires_at: string | null;
}

export interface Settings {
  organization_id: number;
  name: string;
  time_zone: string;
  tracking: Level;
  consent_mode: 'opt_out' | 'opt_in';
  address_policy: 'drop' | 'truncate' | 'keep';
  retention_days: number;
  tracking_domain: string | null;
  brand_color: string | null;
  honor_privacy_signals: boolean;
  score_enabled: boolean;
  score_points: Record<'within_24_hours' | 'within_7_days' | 'within_30_days' | 'opens' | 'clicks', number>;
  score_levels: Record<'hot' | 'warm', number>;
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: 'user' | 'api_key' | 'command' | 'system';
  actor_id: number | null;
  actor_name: string | null;
  source: string | null;
  action: string;
  object: string | null;
  object_id: number | null;
  detail: { changes?: Record<string, true | { from?: unknown; to: unknown }> | string; rows?: number };
  request_id: string | null;
}

export interface Answer {
  candidate_id: string;
  candidate_ref: string;
  name: string | null;
  email: string | null;
  tracking: Level;
  channel: 'api' | 'preference_page' | 'unsubscribe' | null;
  answered_at: string | null;
}

export interface Me {
  user: { id: number; name: string | null; email: string; time_zone: string | null; has_password: boolean; has_second_factor: boolean };
  role: User['role'];
  permissions: string[];
  organization: { id: number; name: string; time_zone: string; tracking: Level };
  time_zone: string;
  preferences: Record<string, unknown>;
  session: { id: number; created_at: string; expires_at: string; idle_minutes: number };
}

export interface News {
  event_type: string;
  occurred_at: string;
  candidate: { id: string; ref: string; name: string | null } | null;
  email: { id: number; subject: string | null };
  job: { id: string; title: string | null } | null;
  url: string | null;
  sender_id: number | null;
}

export interface Notification extends Omit<News, 'occurred_at'> {
  id: number;
  count: number;
  toast: boolean;
  first_at: string;
  last_at: string;
  created_at: string;
  updated_at: string;
  read_at: string | null;
}

export interface NotificationPreferences {
  events: string[];
  scope: 'mine' | 'jobs' | 'team';
  hot_only: boolean;
  quiet_hours: { from: string; to: string } | null;
  merge_seconds: number;
  updated_at: string | null;
}

export interface Session {
  id: number;
  created_at: string;
  last_used_at: string;
  current: boolean;
  source: string | null;
  agent: string | null;
}
