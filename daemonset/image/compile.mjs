/**
 * Loads every module of ours, so that Node's compile cache (NODE_COMPILE_CACHE) has all that the agent will load: it then
 * starts sooner, and takes 35 MiB less, since what strips types is never loaded.
 */
import { readdirSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';

for (const entry of readdirSync('src', { recursive: true })) {
  // What is below page/ runs in browsers.
  if (!entry.endsWith('.ts') || entry.startsWith('page/')) continue;
  // Entry points of threads and processes miss their parent when they run, but are compiled by then.
  await import(join(process.cwd(), 'src', entry)).catch(() => {});
}
flushCompileCache();
process.exit(0);
