/** Finds what a release is made from, and where its archive goes. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { systemCode } from '../../base/files/system-errors.ts';
import { extname, join } from 'node:path';
import { NotFoundError } from '../../errors.ts';
import type { ReleaseInput } from '../../operations/resolve/pin-release.ts';

const DEFAULT_SPEC = 'release.yaml';
const DEFAULT_LOCK = 'release.lock.json';

/** What kind of input a path names, by its extension; without a path the release.yaml or lock of this directory. */
export function chooseInput(path: string | undefined): ReleaseInput {
  if (path === undefined) {
    const found = [DEFAULT_SPEC, DEFAULT_LOCK].find(existsSync);
    if (found !== undefined) return { kind: found === DEFAULT_SPEC ? 'spec' : 'lock', path: found };
    throw new NotFoundError('NOT_FOUND', `no ${DEFAULT_SPEC} here`, {
      hint: 'name one, or run `airgap init` to write one to start from',
    });
  }
  const extension = extname(path);
  if (extension === '.yaml' || extension === '.yml') return { kind: 'spec', path };
  return { kind: extension === '.json' ? 'lock' : 'list', path };
}

/** The archive's place: a directory gets the default name, nothing means the current directory. */
export function placeOutput(output: string | undefined, fileName: string, isDirectory: boolean): string {
  return output === undefined || isDirectory ? join(output ?? '.', fileName) : output;
}

/** Whether an output is one that gets the default name. @throws the system's error but for what is not there */
export async function isDirectory(path: string | undefined): Promise<boolean> {
  if (path === undefined) return false;
  if (path.endsWith('/')) return true;
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  return found?.isDirectory() === true;
}
