import type { HttpResponse } from '../http/exchange.ts';
import { isHeader } from '../policy/request-view.ts';

/** The ways in which servers say no to what is not there, or not for everybody. */
export function isDenial(status: number): boolean {
  return status === 401 || status === 403 || status === 404 || status === 405 || status === 410 || status === 421;
}

/** And how they refuse a method. */
export function isRefusal(status: number): boolean {
  return status === 400 || status === 403 || status === 404 || status === 405;
}

/** OAuth (RFC 6749 section 5.2) says 400, frameworks 422; 429 where there were too many. */
export function isFailedLogin(status: number): boolean {
  return status === 400 || status === 401 || status === 403 || status === 422 || status === 429;
}

/** Applications of one page answer every path with it. */
export function isPage({ headers }: HttpResponse): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isHeader(headers[i]!, 'content-type') && headers[i + 1]!.toLowerCase().startsWith('text/html')) return true;
  }
  return false;
}
