import { loadHtml, loadPageFiles, type PageFiles } from '../admin/page-files.ts';
import type { AdminPage, AdminRoutes } from '../admin/server.ts';
import { liveFilter, type LiveHub } from './live-hub.ts';

const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';

const HOW_TO_BE_TRUSTED =
  'This page shows values of the traffic, and you are not known to be allowed to see them.\n' +
  'Open it by typing http://localhost:PORT/ on the machine of the agent, or through kubectl port-forward with the same port\n' +
  'on both sides; from elsewhere it takes page.tokenFile in the settings of the agent: see docs/page.md.\n';

const STRANGER: AdminPage = { status: 403, contentType: TEXT, body: HOW_TO_BE_TRUSTED };

/** Routes of the page: itself, its files, and exchanges as they happen. What it shows besides it asks the other routes for. */
export function pageRoutes(hub: LiveHub, takesTokens: boolean): AdminRoutes {
  // Not before somebody looks: most agents are never looked at.
  let files: Promise<PageFiles> | null = null;
  return {
    '/': async ({ trusted }) => {
      if (trusted) return { status: 200, contentType: HTML, body: await loadHtml('index') };
      if (takesTokens) return { status: 401, contentType: HTML, body: await loadHtml('login') };
      return STRANGER;
    },
    '/assets/*': async ({ path }) => {
      files ??= loadPageFiles();
      files.catch(() => (files = null));
      const file = (await files).get(path.slice('/assets/'.length));
      return file === undefined ? { status: 404, contentType: TEXT, body: 'there is no such file\n' } : { status: 200, ...file };
    },
    '/viewer': ({ trusted }) => (trusted ? { status: 200, contentType: 'application/json', body: '{"trusted":true}\n' } : STRANGER),
    '/exchanges': ({ trusted, query }) => (trusted ? { listen: (stream) => hub.add(stream, liveFilter(query)) } : STRANGER),
  };
}


/** For people to open on this machine; a port that is open to others is so on all addresses of it. */
export function pageAddress(host: string, port: number): string {
  const name = ['127.0.0.1', '::1', '::', '0.0.0.0'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}/`;
}
