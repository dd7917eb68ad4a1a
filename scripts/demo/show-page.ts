import { spawn } from 'node:child_process';

/** Opens a page in the browser of this desktop, if it has one; says where it is in any case. */
export function showPage(url: string): void {
  process.stdout.write(`page: ${url}\n`);
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => process.stdout.write(`(no ${opener} here: open it in a browser of this machine)\n`));
  child.unref();
}
