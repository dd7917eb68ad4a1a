import type { AdminPage } from '../admin/server.ts';

export function json(value: unknown): AdminPage {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}
