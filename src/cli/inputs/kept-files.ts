/** Keeps what a command reads from being replaced by what it writes: there may be no other copy of an archive or a key. */
import { stat } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';

/** What names an archive, whose parts may be there in its place. Nothing is looked for beside addresses, keys and states. */
const ARCHIVES = new Set(['archive', 'delta', 'old', 'new', '--base', '--archive']);

/** What was given to one option or argument. */
export interface GivenWords {
  /** `--report`, `archive` */
  readonly name: string;
  readonly words: readonly string[];
  /** Whether it names a file that the command writes. */
  readonly writes: boolean;
}

/**
 * Holds that no file which is to be written is one that another option or argument names, under whatever name.
 * @throws UsageError `USAGE`
 */
export async function keepInputs(given: readonly GivenWords[]): Promise<void> {
  const directories = given.find(({ name }) => name === '--parts')?.words ?? [];
  for (const { name, words } of given.filter(({ writes }) => writes)) {
    for (const file of words) {
      const written = await identityOf(file);
      if (written === undefined) continue;
      for (const other of given.filter((each) => each.name !== name)) {
        const read = ARCHIVES.has(other.name) ? await withParts(other.words, directories) : other.words;
        const named = await Promise.all(read.map(identityOf));
        if (named.includes(written)) throw replaced(`${name} ${file}`, other.name);
      }
    }
  }
}

function replaced(what: string, kept: string): UsageError {
  const which = kept.startsWith('-') ? `the file that ${kept} names` : `the ${kept}`;
  return new UsageError('USAGE', `${what} would replace ${which}`, { hint: 'name another file' });
}

/** An archive may be named whose parts are what is there. Loaded only where a file would be replaced. */
async function withParts(words: readonly string[], directories: readonly string[]): Promise<readonly string[]> {
  const { partFiles } = await import('../../archive/parts/found-parts.ts');
  return [...words, ...(await Promise.all(words.map((word) => partFiles(word, directories)))).flat()];
}

/** Undefined for what is not there or cannot be looked at: who opens it says so. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() === true ? `${found.dev}:${found.ino}` : undefined;
}
