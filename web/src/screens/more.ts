// Everything beside the dashboard, in one file that the browser fetches when it is idle or when the first of it is wanted.
export { Activity } from './Activity';
export { Admin } from './admin/Admin';
export { Candidate } from './Candidate';
export { Candidates } from './Candidates';
export { Email } from './Email';
export { Emails } from './Emails';
export { FollowUp } from './FollowUp';
export { Group } from './Group';
export { Campaigns, Jobs, Templates } from './Groups';
export { KeyHelp } from './KeyHelp';
export { Live } from '../ui/Toasts';
export { Notifications } from './Notifications';
export { Palette } from './Palette';
export { Preferences } from './Preferences';
export { SignIn, SignInAgain } from './SignIn';
export { Welcome } from './Welcome';
