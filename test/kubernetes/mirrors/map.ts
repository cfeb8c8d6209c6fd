/** Maps for tests, from lines of a mapping. */
import type { DialectName } from '../../../src/kubernetes/mirrors/dialect-names.ts';
import type { MirrorFiles } from '../../../src/kubernetes/mirrors/dialect.ts';
import { DIALECTS } from '../../../src/kubernetes/mirrors/dialects.ts';
import { createMirrorMap, type MirrorAccess, type MirrorMap } from '../../../src/kubernetes/mirrors/mirror-map.ts';
import { parseReference } from '../../../src/oci/reference.ts';

/** `original=internal`, each. */
export function mapOf(lines: readonly string[], access: MirrorAccess = {}): MirrorMap {
  const images = lines.map((line) => {
    const [original = '', internal = ''] = line.split('=');
    return { original: parseReference(original), internal: parseReference(internal) };
  });
  return createMirrorMap(images, { name: 'demo', access });
}

/** The files of a dialect by path, with what stands in them but the heading; and the rest. */
export function writtenIn(
  dialect: DialectName,
  lines: readonly string[],
  access: MirrorAccess = {},
): Omit<MirrorFiles, 'files'> & { readonly files: Readonly<Record<string, string>> } {
  const { files, ...rest } = DIALECTS[dialect].write(mapOf(lines, access));
  const texts = files.map(({ path, content }) => [path, content.replace(/^# Written by .*\n/, '')] as const);
  return { ...rest, files: Object.fromEntries(texts) };
}
