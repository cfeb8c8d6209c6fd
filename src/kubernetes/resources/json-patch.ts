/** JSON patches of Kubernetes resources, read for the images that they set. */
import type { YamlDocument } from '../../base/yaml-source.ts';
import { isMapping, type KubernetesResource } from './yaml-documents.ts';

/** Levels of a path; real ones have about ten. */
const MAX_LEVELS = 100;
const INDEX = /^([0-9]+|-)$/;

/** Whether a document is a JSON patch: a list of operations with paths. */
export function isJsonPatch(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (entry: unknown) => isMapping(entry) && typeof entry['op'] === 'string' && typeof entry['path'] === 'string',
    )
  );
}

/**
 * What each operation puts in place, as a resource that holds nothing else: an image at
 * `/spec/template/spec/containers/0/image` stands where it would stand in the resource.
 * @see https://www.rfc-editor.org/rfc/rfc6902
 */
export function readJsonPatch(document: YamlDocument, fileName: string): readonly KubernetesResource[] {
  if (!isJsonPatch(document.value)) return [];
  return document.value.flatMap((operation, index) => {
    const levels = String(operation['path']).split('/').slice(1);
    if (levels.length > MAX_LEVELS) return [];
    const { line } = document.locate([index, 'value']);
    return [
      {
        apiVersion: 'json-patch',
        kind: 'JSONPatch',
        name: `${index}`,
        value: nest(levels, operation['value']),
        fileName,
        line,
        lineOf: () => line,
      },
    ];
  });
}

function nest(levels: readonly string[], value: unknown): Readonly<Record<string, unknown>> {
  const inner = [...levels].reverse().reduce<unknown>((held, level) => {
    if (INDEX.test(level)) return [held];
    return { [level]: held };
  }, value);
  return isMapping(inner) ? inner : { items: inner };
}
