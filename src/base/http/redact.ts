/** Keeps what must stay secret out of words that come from elsewhere: servers echo what they were sent. */

const HIDDEN = '***';
/** Shorter ones are words that stand in any sentence; no secret is that short. */
const MIN_SECRET_CHARACTERS = 6;
/** A URL: what stands before `@`, and everything behind `?`, is for the server alone. */
const URL_TEXT = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#"'<>]*@)?([^\s?#"'<>]*)(\?[^\s"'<>]*)?/gi;
/** A query without its URL, known by the words of signatures and tokens. */
const QUERY_TEXT = /\?[^\s"'<>]*(?:sig|signature|token|credential|key|secret|password)[^\s"'<>=]*=[^\s"'<>]*/gi;
/** With a digit or padding in it; `basic authentication` is no secret. */
const SCHEME_TEXT = /\b(basic|bearer|negotiate)(?:\s+|%20|\+)(?=[^\s"']*[0-9=])[A-Za-z0-9+/=._~-]{6,}/gi;
const TOKEN_TEXT = /\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}/g;
const VALUE = /(?:"[^"]*"|'[^']*'|[^\s,;&}"']+)/.source;
const FIELD_TEXT = new RegExp(
  `(["']?\\b(?:authorization|password|passwd|passphrase|secret)\\b["']?\\s*[:=]\\s*)(?:(?:basic|bearer)\\s+)?${VALUE}`,
  'gi',
);
/** `token: expired` is no secret. */
const TOKEN_FIELD_TEXT = new RegExp(
  `(["']?\\b(?:[a-z]+_)?(?:token|api_?key)\\b["']?\\s*(?:=|:(?=\\s*["']?[^\\s,;&}]*[0-9]))\\s*)${VALUE}`,
  'gi',
);
/** What a terminal acts upon instead of showing it, and what reorders or hides text. */
const UNSHOWABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * The text without credentials: those that are known, and what looks like some. Query strings go too, since signed URLs
 * keep their signature there.
 */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const known = secrets.filter(({ length }) => length >= MIN_SECRET_CHARACTERS).sort((a, b) => b.length - a.length);
  return known
    .reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text)
    .replaceAll(
      URL_TEXT,
      (_, scheme: string, rest: string, query?: string) => `${scheme}${rest}${query === undefined ? '' : `?${HIDDEN}`}`,
    )
    .replaceAll(QUERY_TEXT, `?${HIDDEN}`)
    .replaceAll(FIELD_TEXT, `$1${HIDDEN}`)
    .replaceAll(TOKEN_FIELD_TEXT, `$1${HIDDEN}`)
    .replaceAll(SCHEME_TEXT, `$1 ${HIDDEN}`)
    .replaceAll(TOKEN_TEXT, HIDDEN);
}

/** `user:password@` without a URL around it; what follows the `@` of a reference is a digest. */
const BARE_ACCOUNT = /(?<![\w.%~+-])[\w.%~+-]+:[^\s/@'"]+@(?!sha(?:256|512):)/g;

/**
 * The text without the accounts and query strings of what looks like an address: for words that a person typed, and that
 * are repeated to say what is wrong with them.
 */
export function hideAccounts(text: string): string {
  return text
    .replaceAll(
      URL_TEXT,
      (_, scheme: string, rest: string, query?: string) => `${scheme}${rest}${query === undefined ? '' : `?${HIDDEN}`}`,
    )
    .replaceAll(BARE_ACCOUNT, `${HIDDEN}@`);
}

/** `//user:password@` of a URL. A user alone, as in `ssh://git@…`, is no secret. */
const URL_ACCOUNT = /\/\/[^\s/?#"'<>:@]*:[^\s/?#"'<>]*@/g;
/** A value of a query, known by its name. */
const QUERY_VALUE =
  /([?&][\w.-]*(?:sig|signature|token|credential|api-?key|secret|passw(?:or)?d|passphrase)[\w.-]*=)[^\s&#"'<>]+/gi;

/**
 * The text without passwords and tokens, and with everything else as it is: for all that is printed or written down,
 * whose users and queries may be what it is about.
 */
export function hideSecrets(text: string): string {
  return text
    .replaceAll(URL_ACCOUNT, `//${HIDDEN}@`)
    .replaceAll(BARE_ACCOUNT, `${HIDDEN}@`)
    .replaceAll(QUERY_VALUE, `$1${HIDDEN}`);
}

/** Text of one line in which every character shows itself: `\u{1b}` for an escape character. */
export function showText(text: string): string {
  return text.replaceAll(UNSHOWABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** What a request tells the server alone: its credentials in every form, and the values of its query. */
export function secretsOf(headers: Readonly<Record<string, string>>, url: URL, body?: unknown): readonly string[] {
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
  const plain = scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('utf8') : '';
  const password = plain.slice(plain.indexOf(':') + 1);
  const form = body instanceof Uint8Array && body.length < 64 * 1024 ? Buffer.from(body).toString('latin1') : '';
  const fields = [...form.matchAll(/(?:^|&)(?:refresh_token|password)=([^&]+)/g)].map(([, field = '']) => field);
  return [
    ...[authorization, value, plain, password, encodeURIComponent(password)],
    ...fields.flatMap((field) => [field, decodeURIComponent(field.replaceAll('+', ' '))]),
    ...queryOf(url),
  ].filter((secret) => secret !== '');
}

/** Signatures, not page sizes: scopes and digests are in messages on purpose. */
function queryOf(url: URL): readonly string[] {
  return [...url.searchParams]
    .filter(([key]) => /sig|token|credential|key|secret|password/i.test(key))
    .flatMap(([, value]) => [value, encodeURIComponent(value)]);
}
