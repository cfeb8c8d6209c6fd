/** Reads a file of names that repositories get at a target. */
import { readBounded } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import { parseReference } from '../../oci/reference.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Lines of `registry.example/team/app=path/below/the/prefix`; empty ones and those that begin with `#` say nothing.
 * @returns paths by original repository, in the form that references have.
 * @throws UsageError `INVALID_SPEC` naming the file and the line.
 */
export function parseNameMap(text: string, fileName: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const refuse = (why: string): UsageError =>
      new UsageError('INVALID_SPEC', `${fileName}:${index + 1}: ${why}`, {
        hint: 'write registry.example/team/app=path/at/the/target, without tags',
      });
    const [, original = '', path = ''] = /^([^=\s]+)\s*=\s*([^=\s]+)$/.exec(trimmed) ?? [];
    const from = repositoryOf(original);
    if (from === undefined || repositoryOf(`registry.invalid/${path}`) === undefined)
      throw refuse(`not a name: ${trimmed.slice(0, 200)}`);
    if (names.has(from)) throw refuse(`${from} has a name already`);
    names.set(from, path);
  }
  return names;
}

/** The names in a file. @throws UsageError when it cannot be read or holds something else. */
export async function readNameMap(path: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await readBounded(path, { what: 'a map of names', limit: MAX_BYTES });
  return parseNameMap(bytes.toString('utf8'), path);
}

/** `registry/repository`; undefined for what is no reference, and for one with a tag or a digest. */
function repositoryOf(text: string): string | undefined {
  try {
    const { registry, repository, tag, digest } = parseReference(text);
    return tag === undefined && digest === undefined ? `${registry}/${repository}` : undefined;
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
