/** Refuses a Node that is too old. Loaded before anything else, and written so that Node 18 can still read it. */

const WANTED = [24, 15] as const;

/** A sentence for people whose Node is too old, or undefined when it will do. `version` is `process.version`. */
export function explainOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1])) return undefined;
  return (
    `error: this program needs Node ${WANTED.join('.')} or newer, and this is Node ${version.replace(/^v/, '')}\n` +
    '  hint: install a current Node from https://nodejs.org, or start it with the one it came with\n'
  );
}
