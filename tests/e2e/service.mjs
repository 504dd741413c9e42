// A service with an administrator who can sign in.
import { Installation } from '../integration/support.mjs';
import { ADMIN, PASSWORD } from './data.mjs';

export async function startService(options) {
  const service = await new Installation(options).start();
  const users = await service.must('GET', '/users');
  const admin = users.data.find(({ email }) => email === ADMIN);
  await service.must('PATCH', `/users/${admin.id}`, { password: PASSWORD, name: 'Ada Admin' });
  return service;
}
