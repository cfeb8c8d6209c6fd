/** Notices that Node was told to run other code first, as agents of monitoring tools arrange it for a whole machine. */

/** Options of Node that load code, or let somebody else in. */
const LOADING =
  /(?:^|\s)["']?(-r|--require|--import|--loader|--experimental-loader|--inspect(?:-\w+)?|--env-file\S*|-e|--eval)(?=[=\s"']|$)/;

/**
 * A sentence for people whose environment puts code in front of this program, or undefined. It helps against accidents
 * and carelessness only: code that runs first could as well hide itself.
 * @param options `NODE_OPTIONS`
 * @param argv `process.execArgv`
 * @see https://nodejs.org/api/cli.html#node_optionsoptions
 */
export function explainInjectedCode(options: string | undefined, argv: readonly string[]): string | undefined {
  const found = LOADING.exec(options ?? '')?.[1] ?? argv.map((text) => LOADING.exec(text)?.[1]).find(Boolean);
  if (found === undefined) return undefined;
  return (
    `error: Node was told to load other code before this program (${found})\n` +
    '  hint: code that verifies an archive must run first; start it with: env -u NODE_OPTIONS node …\n'
  );
}
