import { loadHtml, loadPageFiles, type PageFiles } from '../admin/page-files.ts';
import type { AdminPage, AdminRoutes } from '../admin/server.ts';
import { liveFilter, type LiveHub } from './live-hub.ts';

const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';

const HOW_TO_BE_TRUSTED =
  'This page shows values of the traffic, and you are not known to be allowed to see them.\n' +
  'Open it by typing http://localhost:PORT/ on the machine of the agent, or through kubectl port-forward with the same port\n' +
  'on both sides; from elsewhere it takes page.tokenFile in the settings of the agent: see docs/page.md.\n';

/** Routes of the page: itself, its files, and exchanges as they happen. What it shows besides it asks the other routes for. */
export function pageRoutes(hub: LiveHub, takesTokens: boolean): AdminRoutes {
  // Not before somebody looks: most agents are never looked at.
  let files: Promise<PageFiles> | null = null;
  return {
    '/': async ({ trusted }) => {
      if (trusted) return { status: 200, contentType: HTML, body: await loadHtml('index') };
      if (takesTokens) return { status: 401, contentType: HTML, body: await loadHtml('login') };
      return { status: 403, contentType: TEXT, body: HOW_TO_BE_TRUSTED };
    },
    '/assets/*': async ({ path }) => {
      files ??= loadPageFiles();
      files.catch(() => (files = null));
      const file = (await files).get(path.slice('/assets/'.length));
      return file === undefined ? { status: 404, contentType: TEXT, body: 'there is no such file\n' } : { status: 200, ...file };
    },
    '/exchanges': ({ trusted, query }) => (trusted ? { listen: (stream) => hub.add(stream, liveFilter(query)) } : STRANGER),
  };
}

/** For whoever may not see values. */
export const STRANGER: AdminPage = { status: 403, contentType: TEXT, body: HOW_TO_BE_TRUSTED };
