/** Builds the command line out of commands that are data. */
import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import { StoreError, UsageError } from '../errors.ts';
import { count, type Command } from './command.ts';
import { createContext, type GlobalOptions, type Surroundings } from './context.ts';
import { keepInputs } from './inputs/kept-files.ts';
import { VERSION } from '../base/version.ts';

/** A program: what it is called, what it does in one line, and its commands; the one without a name is the program. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly commands: readonly Command[];
}

const MAX_TIMEOUT_S = 7 * 24 * 3600;
const timeoutOption = count('--timeout <seconds>', '', 1, MAX_TIMEOUT_S);

/** One line each for groups of commands. */
const GROUPS: Readonly<Record<string, string>> = {
  audit: 'verify what a site has recorded',
  keys: 'make and show signing keys',
  trust: 'make, change and show trust documents: whose signatures count',
};

/**
 * The parser of a program, which runs the chosen command.
 * @throws UsageError when parsing what is not declared.
 */
export function createProgram(surroundings: Surroundings, { name, summary, examples, commands }: Program): Commander {
  const program = new Commander(name)
    .description(summary)
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .option('--json', 'print one JSON document instead of lines; errors too')
    .option('--quiet', 'print nothing but errors, and the document under --json')
    .option('--verbose', 'say more on standard error')
    .option('--progress <style>', 'show long work as auto, bars, lines, json or none (default: auto)')
    .option('--no-color', 'no colours, as with NO_COLOR=1')
    .addOption(toCommander({ ...timeoutOption, summary: 'give up after this time' }))
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      // Errors are printed in one place, with a hint.
      writeErr: () => undefined,
      getOutHasColors: () => false,
    })
    .exitOverride();
  addExamples(program, examples, '');
  for (const command of commands) {
    if (command.name === '') fill(program, surroundings, command);
    else fill(nest(program, command.name), surroundings, command, name);
  }
  return program;
}

/** The signal, also aborted when the time is over. */
function withTimeout(signal: AbortSignal, seconds: number | undefined): AbortSignal {
  if (seconds === undefined) return signal;
  const overtime = new AbortController();
  const hint = 'run the same command again to go on where it stopped, or give it more time';
  const reason = new StoreError('STORE_IO', `not done after ${seconds} s, as --timeout demands`, { hint });
  setTimeout(() => overtime.abort(reason), seconds * 1000).unref();
  return AbortSignal.any([signal, overtime.signal]);
}

/** What commander refuses becomes this product's own error; help and the version are no error. */
export function toUsageError(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  if (error.exitCode === 0) return undefined;
  if (error.code === 'commander.help') {
    return new UsageError('USAGE', 'no command was given', { hint: 'see --help for what there is' });
  }
  const [message = '', suggestion] = withoutValue(error.message.replace(/^error: /, '')).split('\n');
  // Without its cause, which repeats what was given.
  return new UsageError('USAGE', message, {
    hint: suggestion?.replace(/^\((.*)\)$/, '$1').replace(/^D/, 'd') ?? 'see --help for what there is',
  });
}

/** What was given to an option that there is not may be a secret: `--passphrase=…` is refused by its name alone. */
function withoutValue(message: string): string {
  return message.replace(/'(--[\w-]+)=[\s\S]*'/, "'$1'");
}

/** `keys generate` is the command `generate` of the group `keys`. */
function nest(program: Commander, name: string): Commander {
  const [first = '', second] = name.split(' ');
  if (second === undefined) return program.command(first);
  const group = program.commands.find((command) => command.name() === first) ?? program.command(first);
  group.description(GROUPS[first] ?? '').helpCommand(false);
  return group.command(second);
}

function fill(target: Commander, surroundings: Surroundings, command: Command, programName?: string): void {
  if (programName !== undefined) {
    target.description(command.summary);
    addExamples(target, command.examples, `${programName} `);
  }
  for (const { form, summary } of Object.values(command.arguments)) target.argument(form, summary);
  const options = Object.entries(command.options);
  for (const [, option] of options) target.addOption(toCommander(option));
  const names = options.map(([key, option]) => [key, option, toCommander(option)] as const);
  target.action(async (...given: unknown[]) => {
    const values = target.optsWithGlobals<GlobalOptions & Record<string, unknown>>();
    const signal = withTimeout(surroundings.signal, timeoutOption.parse(toWords(values.timeout)));
    const context = createContext({ ...surroundings, signal }, values);
    const args = Object.entries(command.arguments).map(([key, each], index) => [
      key,
      each.parse(toWords(given[index])),
    ]);
    const chosen = names.map(([key, option, known]) => {
      const value = values[known.attributeName()];
      // Commander takes `--no-x` for `x`, which is true until it is given.
      return [key, option.parse(toWords(known.negate ? value === false : value))];
    });
    await keepInputs([
      ...Object.entries(command.arguments).map(([name], index) => ({
        name,
        words: toWords(given[index]),
        writes: false,
      })),
      ...names.map(([, { writes }, known]) => ({
        name: known.long ?? '',
        words: toWords(values[known.attributeName()]),
        writes: writes === true,
      })),
    ]);
    await command.run(context, Object.fromEntries(args) as never, Object.fromEntries(chosen) as never);
  });
}

function toCommander({ flags, summary, repeats, required }: Command['options'][string]): CommanderOption {
  const option = new CommanderOption(flags, repeats ? `${summary}; may be repeated` : summary);
  if (repeats) option.argParser((word: string, before: string[] | undefined) => [...(before ?? []), word]);
  else if (option.required) option.argParser((word: string, before: string | undefined) => once(flags, word, before));
  return option.makeOptionMandatory(required);
}

/** Of two values one would be lost in silence. @throws UsageError naming the option; a value may be a secret. */
function once(flags: string, word: string, before: string | undefined): string {
  if (before === undefined) return word;
  throw new UsageError('USAGE', `${flags} was given more than once`, { hint: 'give it once' });
}

/** Commander's values as words: nothing, one, or several. */
function toWords(value: unknown): readonly string[] {
  if (value === undefined || value === false) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function addExamples(target: Commander, examples: readonly string[], prefix: string): void {
  const lines = examples.map((example) => `  $ ${prefix}${example}\n`);
  if (lines.length > 0) target.addHelpText('before', `Examples:\n${lines.join('')}`);
}
