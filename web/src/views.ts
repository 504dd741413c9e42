// Whose emails, and what a period is about; both stand in the address.
import { choice, type Parameter } from './router';

export const viewParameters: Record<'scope' | 'basis', Parameter> = { scope: choice('', 'mine'), basis: choice('', 'activity') };

// What the API is asked for them.
export const viewQuery = ({ scope, basis = '' }: { scope: string; basis?: string }): { basis: string; sender: string } => ({ basis, sender: scope ? 'me' : '' });
