/** Puts what is so on one cluster in the place of what the manifests have written for all. Pure. */
import { UsageError } from '../../errors.ts';
import type { WrittenValue } from '../../fleet/settings/written-values.ts';
import { isMapping, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';

/** Characters of which words consist that are replaced as a whole: hosts, addresses with their mask, paths. */
const WORD = 'A-Za-z0-9_.\\-';

/**
 * The resources with every text replaced that is written as a whole: `db.example` is not part of `mydb.example`. Names of
 * images are left alone.
 * @param isLeftOut whether a text stands in objects that do not go there, and so need not be found
 * @throws UsageError `USAGE` for what none of them has written: it was mistyped, or is of another release
 */
export function replaceWritten(
  resources: readonly KubernetesResource[],
  values: readonly WrittenValue[],
  isLeftOut: (written: string) => boolean,
): readonly KubernetesResource[] {
  if (values.length === 0) return resources;
  const found = new Set<string>();
  // In one go, the longest first: what took the place of another is not replaced again.
  const sorted = values.toSorted((a, b) => b.written.length - a.written.length);
  const is = new Map(sorted.map(({ written, is: value }) => [written, value]));
  const words = sorted.map(({ written }) => written.replaceAll(/[^A-Za-z0-9]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<![${WORD}])(?:${words})(?![${WORD}])`, 'g');
  const visit = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown) => visit(item, key));
    if (isMapping(value))
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, name)]));
    if (typeof value !== 'string' || key === 'image') return value;
    return value.replace(pattern, (written) => {
      found.add(written);
      return is.get(written) ?? written;
    });
  };
  const replaced = resources.map((resource) => ({
    ...resource,
    value: visit(resource.value, '') as Readonly<Record<string, unknown>>,
  }));
  const missing = values.filter(({ written }) => !found.has(written) && !isLeftOut(written));
  if (missing.length === 0) return replaced;
  throw new UsageError('USAGE', 'the settings of the fleet.yaml replace what the manifests do not have', {
    items: missing.map(({ written }) => written),
    hint: 'correct what is `written`, or say with `roles` on which clusters it is to be found',
  });
}
