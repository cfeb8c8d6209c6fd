/** Options of a check, as the operations take them. */
import { readTextFile } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import type { ValuesFile } from '../../kubernetes/rendering/chart-renderer.ts';
import { PROFILE_NAMES, type ProfileName } from '../../compliance/profiles.ts';
import { minorOf } from '../../compliance/subject.ts';
import { choice, list, text, type Option } from '../command.ts';

const MAX_VALUES_BYTES = 4 * 1024 * 1024;

/** `--profile <name>` */
export const profileOption: Option<readonly ProfileName[]> = {
  ...list('--profile <name>', `rules to check by beside the general ones (${PROFILE_NAMES.join(', ')})`),
  parse: (words) =>
    words.map((word) => {
      const chosen = PROFILE_NAMES.find((name) => name === word);
      if (chosen !== undefined) return chosen;
      throw new UsageError('USAGE', `--profile <name>: ${word} is not one of ${PROFILE_NAMES.join(', ')}`);
    }),
};

/** `--kube-version <version>`, as its minor version. */
export const kubeVersionOption: Option<number | undefined> = {
  ...text(
    '--kube-version <version>',
    'the oldest Kubernetes it has to run on, such as 1.34 (default: what each chart is rendered for)',
  ),
  parse: (words) => {
    const word = words.at(-1);
    if (word === undefined) return undefined;
    const minor = minorOf(word);
    if (minor !== undefined) return minor;
    throw new UsageError('USAGE', `--kube-version: ${word} is no version of Kubernetes`, { hint: 'write it as 1.34' });
  },
};

/** `--check <mode>` of what builds or pins a release. */
export const checkModeOption = choice(
  '--check <mode>',
  'rules that the release demands and does not meet: refuse, or warn and go on, which the archive says',
  ['refuse', 'warn'],
);

/** Reads the files of `--values`. */
export async function readValues(paths: readonly string[], signal: AbortSignal): Promise<readonly ValuesFile[]> {
  return await Promise.all(
    paths.map(async (name) => ({
      name,
      text: await readTextFile(name, { what: 'a file of values', limit: MAX_VALUES_BYTES, signal }),
    })),
  );
}
