/** Paths that mean the same on every system and cannot leave the directory they are relative to. */

/** Leaves room for a folder in front within ustar's 255. */
const MAX_PATH = 200;
/** Names Windows keeps for devices, whatever their extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;
const SEGMENT = /^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/;

/**
 * Whether the text is a relative path with forward slashes that can be a member of the archive and stays where it is:
 * ASCII letters, digits and `._+-` only, no `..`, no hidden segment, no leading slash or drive. A leading `./` and a
 * trailing slash are allowed; see {@link normalizePortablePath}.
 */
export function isPortablePath(text: string): boolean {
  if (text.length > MAX_PATH || text.startsWith('/')) return false;
  return normalizePortablePath(text).split('/').every(isPortableName);
}

/** Whether the text can be the name of a file on every system, and cannot pass for an option of a shell's command. */
export function isPortableName(text: string): boolean {
  return SEGMENT.test(text) && !text.endsWith('.') && !RESERVED.test(text);
}

/** Drops `./` in front and slashes at the end, so that equal paths are equal texts. */
export function normalizePortablePath(text: string): string {
  return text.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
}
