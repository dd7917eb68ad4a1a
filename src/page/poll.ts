import type { Link } from './model.ts';

const TIMEOUT_MS = 8_000;

/** Asks for a page of JSON again and again, as long as somebody looks; after a failure as often as before. */
export class Poll<T> {
  readonly #path: string;
  readonly #everyMs: number;
  readonly #onValue: (value: T) => void;
  readonly #onLink: (link: Link) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param path relative to the page, which may stand behind a proxy that puts a path before it */
  constructor(path: string, everyMs: number, onValue: (value: T) => void, onLink: (link: Link) => void = () => {}) {
    this.#path = path;
    this.#everyMs = everyMs;
    this.#onValue = onValue;
    this.#onLink = onLink;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.start();
    });
  }

  start(): void {
    clearTimeout(this.#timer);
    void this.#ask();
  }

  async #ask(): Promise<void> {
    const link = await this.#fetch();
    this.#onLink(link);
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => void this.#ask(), this.#everyMs);
  }

  async #fetch(): Promise<Link> {
    try {
      const response = await fetch(this.#path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.status === 401 || response.status === 403) return 'refused';
      if (!response.ok) return 'lost';
      this.#onValue((await response.json()) as T);
      return 'connected';
    } catch {
      return 'lost';
    }
  }
}
