/** What a person should know once a release is pinned: tags that moved, and what may be missing. */

/** Says which tags moved and everything that a resolve warns of. */
export function notePins(
  output: { note(line: string): void },
  pins: {
    readonly moved: readonly { readonly reference: string; readonly was: string; readonly now: string }[];
    readonly warnings: readonly string[];
  },
): void {
  for (const { reference, was, now } of pins.moved) output.note(`moved: ${reference} was ${was} and is now ${now}`);
  for (const warning of pins.warnings) output.note(`warning: ${warning}`);
}
