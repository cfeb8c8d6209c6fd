/** Paths that mean the same on every system and cannot leave the directory they are relative to. */

/** Bytes of a path in an archive: what a tar header holds. */
const MAX_PATH = 255;
/** Names Windows keeps for devices, whatever their extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;
const CHARACTERS = /^[A-Za-z0-9._+-]+$/;

/**
 * Whether the text is a relative path with forward slashes that can be a member of the archive and stays where it is:
 * see {@link pathFault}. A leading `./` and a trailing slash are allowed; see {@link normalizePortablePath}.
 */
export function isPortablePath(text: string): boolean {
  return !text.startsWith('/') && pathFault(normalizePortablePath(text)) === undefined;
}

/**
 * Why a path is not one that means the same on every system and to every tool: ASCII letters, digits and `._+-` only, no
 * `..`, no hidden segment, none that a shell takes for an option or Windows for a device, 255 bytes at most.
 * @returns what to say after the path; undefined for a portable path in its one spelling
 */
export function pathFault(path: string): string | undefined {
  if (path.length > MAX_PATH)
    return `is a path of ${path.length} characters, more than the ${MAX_PATH} that can be carried`;
  const segment = path.split('/').find((each) => !isPortableName(each));
  if (segment === undefined) return undefined;
  if (RESERVED.test(segment)) return `has ${segment} in it, which Windows takes for a device`;
  if (CHARACTERS.test(segment)) return `has ${segment} in it, which begins with a dot or a hyphen, or ends with a dot`;
  return 'has a name that cannot be carried: use letters, digits and ._+-';
}

/** Whether the text can be the name of a file on every system, and cannot pass for an option of a shell's command. */
export function isPortableName(text: string): boolean {
  return CHARACTERS.test(text) && !/^[.-]|\.$/.test(text) && !RESERVED.test(text);
}

/** Drops `./` in front and slashes at the end, so that equal paths are equal texts. */
export function normalizePortablePath(text: string): string {
  return text.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
}
