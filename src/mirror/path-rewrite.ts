import type { HttpRequest } from '../http/exchange.ts';
import { Matcher } from '../policy/matcher.ts';
import { asOnWire, RequestView } from '../policy/request-view.ts';
import type { PolicySpec } from '../policy/schema.ts';

/** What a URLRewrite does to the path of a copy. */
export interface PathRewrite {
  /** @param path of the request, without query */
  apply(path: string, request: HttpRequest): string;
}

/** ReplaceFullPath. */
export class FullPath implements PathRewrite {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  apply(): string {
    return this.#path;
  }
}

interface PrefixMatch {
  /** As on the wire, without a slash at its end. */
  readonly prefix: string;
  readonly matcher: Matcher;
}

/**
 * ReplacePrefixMatch. Where the policy has several matches, the prefix is that of the longest one that the request fits,
 * as the Gateway API's precedence of matches has it.
 */
export class PrefixPath implements PathRewrite {
  readonly #replacement: string;
  /** Longest prefix first. */
  readonly #matches: readonly PrefixMatch[];
  readonly #view = new RequestView();

  constructor(replacement: string, matches: PolicySpec['matches']) {
    this.#replacement = withoutSlash(replacement);
    this.#matches = matches
      .map((match) => ({ prefix: withoutSlash(asOnWire(match.path?.value ?? '/')), matcher: new Matcher(match) }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  apply(path: string, request: HttpRequest): string {
    const rest = path.slice(this.#prefixOf(request).length);
    const replaced = this.#replacement + rest;
    return replaced === '' ? '/' : replaced;
  }

  #prefixOf(request: HttpRequest): string {
    if (this.#matches.length === 0) return '';
    if (this.#matches.length === 1) return this.#matches[0]!.prefix;
    this.#view.reset(request, '');
    return this.#matches.find(({ matcher }) => matcher.fits(this.#view))?.prefix ?? '';
  }
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
