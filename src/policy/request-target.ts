const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;

/**
 * Where the parts of a request target lie (RFC 9112 section 3.2), whatever its form. What is matched and what is sent
 * both go by it. A target has no fragment: a number sign is a character like any other.
 */
export class RequestTarget {
  #text = '';
  #authorityStart = 0;
  /** The path is empty where an absolute form has none. */
  pathStart = 0;
  /** Where the question mark is, or the end. */
  pathEnd = 0;

  read(text: string): void {
    this.#text = text;
    this.#authorityStart = 0;
    this.pathStart = 0;
    if (text.charCodeAt(0) !== SLASH) {
      const scheme = text.indexOf('://');
      const query = text.indexOf('?');
      if (scheme > 0 && (query < 0 || scheme < query)) {
        this.#authorityStart = scheme + 3;
        this.pathStart = endOfAuthority(text, scheme + 3);
      }
    }
    const query = text.indexOf('?', this.pathStart);
    this.pathEnd = query < 0 ? text.length : query;
  }

  /** Of an absolute form, without user and password; empty otherwise. */
  get authority(): string {
    const authority = this.#text.slice(this.#authorityStart, this.pathStart);
    return authority.slice(authority.lastIndexOf('@') + 1);
  }

  /** An absolute form names a user. */
  get hasUserInfo(): boolean {
    if (this.#authorityStart === 0) return false;
    const at = this.#text.indexOf('@', this.#authorityStart);
    return at >= 0 && at < this.pathStart;
  }

  /** As sent, without the query; of an absolute form what follows the authority; `*` in asterisk form. */
  get path(): string {
    return this.pathStart === this.pathEnd ? '/' : this.#text.slice(this.pathStart, this.pathEnd);
  }

  /** With its question mark; empty where there is none. */
  get query(): string {
    return this.#text.slice(this.pathEnd);
  }
}

function endOfAuthority(text: string, start: number): number {
  let end = start;
  while (end < text.length && text.charCodeAt(end) !== SLASH && text.charCodeAt(end) !== QUESTION_MARK) end++;
  return end;
}
