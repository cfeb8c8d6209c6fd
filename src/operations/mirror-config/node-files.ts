/** Files of a node as they are and as a configuration wants them. */
import type { Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readIfThere } from '../../base/files/read-file.ts';
import { irregularity } from '../../base/files/open-file.ts';
import { onDisk, systemCode } from '../../base/files/system-errors.ts';
import { UsageError } from '../../errors.ts';
import type { MirrorDialect, MirrorFile } from '../../kubernetes/mirrors/dialect.ts';

const MAX_BYTES = 1024 * 1024;

/** One file of a node. */
export interface NodeFile {
  readonly place: string;
  /** `other` for one that says something else, or too little. */
  readonly state: 'in place' | 'missing' | 'other';
  /** What it has to be; with everything that others wrote into a file which is theirs too. */
  readonly content: string;
}

/** Where files of a dialect are on nodes. */
export interface NodePlace {
  readonly dialect: MirrorDialect & { readonly directory: string };
  /** The root of the node's file system. */
  readonly root: string;
}

/**
 * Compares the files of a node with those of a configuration. Nothing is written.
 * @throws UsageError when something else stands in the place of a file, a link leads out of the root, or a file of
 *   others is not what its reader takes. @throws StoreError `STORE_IO`
 */
export async function readNodeFiles(
  { dialect, root }: NodePlace,
  files: readonly MirrorFile[],
): Promise<readonly NodeFile[]> {
  const found: NodeFile[] = [];
  for (const file of files) {
    const place = join(root, dialect.directory, file.path);
    await assertFile(place);
    await assertWithin(root, dirname(place));
    const bytes = await readIfThere(place, { what: 'a configuration of mirrors', limit: MAX_BYTES });
    const existing = bytes?.toString('utf8');
    const content = dialect.merge?.(existing ?? '', file, place) ?? file.content;
    const state = existing === undefined ? 'missing' : existing === content ? 'in place' : 'other';
    found.push({ place, state, content });
  }
  return found;
}

/** A link may be managed by another program, which would write its own file again. */
async function assertFile(place: string): Promise<void> {
  const found = await statOf(place);
  const fault = found === undefined ? undefined : irregularity(found);
  if (fault === undefined) return;
  throw new UsageError('USAGE', `${place} ${fault}`, {
    hint: 'its owner has to write this configuration (--output DIR, or without it to print), or remove what is there',
  });
}

/** An absolute link of another system's file system would lead into this one. */
async function assertWithin(root: string, directory: string): Promise<void> {
  let nearest = directory;
  while ((await statOf(nearest)) === undefined && nearest !== dirname(nearest)) nearest = dirname(nearest);
  const top = await onDisk(`cannot look at ${root}`, () => realpath(root));
  const real = await onDisk(`cannot look at ${nearest}`, () => realpath(nearest));
  if (real === top || real.startsWith(top.endsWith('/') ? top : `${top}/`)) return;
  throw new UsageError('USAGE', `${nearest} leads out of ${root}, to ${real}`, {
    hint: 'that is a file of another system; run the command on the node itself',
  });
}

async function statOf(path: string): Promise<Stats | undefined> {
  return onDisk(`cannot look at ${path}`, () =>
    lstat(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
}
