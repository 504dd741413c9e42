// Everything beside the dashboard, in one file that the browser fetches when it is idle or when the first of it is wanted.
// In the order in which it is smallest: gzip finds again what stood within 32 KB, so what is alike stands together.
export { Admin } from './admin/Admin';
export { Email } from './Email';
export { Welcome } from './Welcome';
export { SignIn, SignInAgain } from './SignIn';
export { KeyHelp } from './KeyHelp';
export { Palette } from './Palette';
export { Candidate } from './Candidate';
export { Group } from './Group';
export { Preferences } from './Preferences';
export { Campaigns, Jobs, Templates } from './Groups';
export { Live } from '../ui/Toasts';
export { FollowUp } from './FollowUp';
export { Activity } from './Activity';
export { Candidates } from './Candidates';
export { Notifications } from './Notifications';
export { Emails } from './Emails';
