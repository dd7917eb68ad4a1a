import { PATH, QUERY, probes, type Probe, type Sample } from './probe.ts';

/** Shorter values are page numbers, switches, or placeholders. */
const LEAST_PASSWORD = 4;
const LEAST_TOKEN = 16;
/** Of a value so much is looked at. */
const REACH = 64;

/** Secrets where they do not belong. Evidence names the parameter or the kind of secret, which are listed here: never a value. */
export const SECRETS: readonly Probe[] = [
  ...['password=', 'passwd=', 'pwd=', 'passphrase=', 'client_secret=', 'secret=', 'secret_key=', 'private_key='].flatMap((token) =>
    probes('secret-in-url', QUERY, [token], { name: `parameter ${token.slice(0, -1)}`, confirm: (sample) => isValue(sample, LEAST_PASSWORD) }),
  ),
  ...['access_token=', 'auth_token=', 'refresh_token=', 'id_token=', 'token=', 'jwt=', 'api_key=', 'apikey=', 'api-key=', 'x-api-key=', 'sessionid=', 'session_id=', 'phpsessid='].flatMap((token) =>
    probes('secret-in-url', QUERY, [token], { name: `parameter ${token.slice(0, -1)}`, confirm: (sample) => isValue(sample, LEAST_TOKEN) }),
  ),
  ...probes('secret-in-url', PATH, [';jsessionid='], { name: 'a session of Java', confirm: ({ text, end }) => runOf(/^[\w.!-]*/, text, end) >= LEAST_TOKEN }),
  ...probes('secret-in-url', PATH | QUERY, ['eyj'], { name: 'a JSON Web Token', confirm: isJsonWebToken }),
  ...probes('secret-in-url', PATH | QUERY, ['akia', 'asia'], { name: 'a key of AWS', confirm: isAccessKey }),
  ...probes('secret-in-url', PATH | QUERY, ['ghp_', 'gho_', 'ghs_', 'github_pat_'], { name: 'a token of GitHub', confirm: (sample) => isKey(sample, 30) }),
  ...probes('secret-in-url', PATH | QUERY, ['glpat-'], { name: 'a token of GitLab', confirm: (sample) => isKey(sample, 20) }),
  ...probes('secret-in-url', PATH | QUERY, ['xoxb-', 'xoxp-'], { name: 'a token of Slack', confirm: (sample) => isKey(sample, 20) }),
  ...probes('secret-in-url', PATH | QUERY, ['sk_live_', 'rk_live_'], { name: 'a key of Stripe', confirm: (sample) => isKey(sample, 16) }),
  ...probes('secret-in-url', PATH | QUERY, ['aiza'], { name: 'a key of Google', confirm: (sample) => isKey(sample, 35) }),
  ...probes('secret-in-url', QUERY, ['://'], { name: 'user and password in a URL', confirm: hasPassword }),
];

/** The token is a parameter's whole name, and its value is long enough and no placeholder. */
function isValue({ text, start, end }: Sample, least: number): boolean {
  if (start > 0 && !/[?&;]/.test(text[start - 1]!)) return false;
  const value = /^[^&;# ]*/.exec(text.slice(end, end + REACH))![0];
  return value.length >= least && !/^(?:[*x.]+|\{.*|<.*|\$\{?.*|:.*|null|none|true|false|undefined|redacted.*|\[.*)$/i.test(value);
}

/** Three parts of base64url, of which the first two begin with `{"` (RFC 7519). */
function isJsonWebToken({ text, start }: Sample): boolean {
  return /^eyJ[\w-]{8,512}\.eyJ[\w-]{2,}/.test(text.slice(start, start + 600)) && !/[\w-]/.test(text[start - 1] ?? '');
}

/** Twenty capital letters and digits. */
function isAccessKey({ text, start }: Sample): boolean {
  return /^A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/.test(text.slice(start, start + 21)) && !/[A-Za-z0-9]/.test(text[start - 1] ?? '') && !/x-amz-credential=$/i.test(text.slice(Math.max(0, start - 17), start));
}

function isKey({ text, start, end }: Sample, least: number): boolean {
  return !/\w/.test(text[start - 1] ?? '') && runOf(/^[\w-]*/, text, end) >= least;
}

/** `scheme://user:password@` */
function hasPassword({ text, end }: Sample): boolean {
  return /^[^\/?#@:&\s]{1,64}:[^\/?#@&\s]{1,128}@/.test(text.slice(end, end + 200));
}

function runOf(pattern: RegExp, text: string, start: number): number {
  return pattern.exec(text.slice(start, start + REACH))![0].length;
}
