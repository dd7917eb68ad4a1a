import { unwatchFile, watchFile, type StatsListener } from 'node:fs';

const CHECK_MS = 1000;

/**
 * Calls back when a file's content may have changed. It looks at the file once a second: that works on every file
 * system and through the symbolic links by which Kubernetes swaps mounted configuration, where notifications do not.
 */
export class FileWatch {
  readonly #path: string;
  readonly #listener: StatsListener;

  constructor(path: string, onChange: (exists: boolean) => void, checkMs = CHECK_MS) {
    this.#path = path;
    this.#listener = (now, before) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) onChange(now.ino !== 0);
    };
    watchFile(path, { interval: checkMs, persistent: false }, this.#listener);
  }

  close(): void {
    unwatchFile(this.#path, this.#listener);
  }
}
