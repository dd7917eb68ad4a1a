import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Requests one after the other on one kept connection, for as long as it is not stopped. */
export interface Load extends AsyncDisposable {
  /** Ends it after the request under way. @returns how many were answered @throws if one was not */
  stop(): Promise<number>;
}

/** @param url each request adds its number to it */
export function startLoad(url: string, pauseMs = 5): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let stopping = false;
  const running = (async () => {
    let sent = 0;
    while (!stopping) {
      await get(`${url}/${sent}`, agent);
      sent += 1;
      await sleep(pauseMs);
    }
    return sent;
  })();
  running.catch(() => {}); // Whoever stops it is told.
  const stop = async (): Promise<number> => {
    stopping = true;
    try {
      return await running;
    } finally {
      agent.destroy();
    }
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop().catch(() => {})) };
}

function get(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => response.resume().on('end', resolve).on('error', reject)).on('error', reject).end();
  });
}
