/** A file of a directory of manifests, in which other things may lie too. */
import { isJsonPatch, readJsonPatch } from './json-patch.ts';
import { isMapping, readDocuments, readResources, type KubernetesResource } from './yaml-documents.ts';

/** What a file holds. */
export interface ManifestContent {
  readonly resources: readonly KubernetesResource[];
  /** Whether nothing in it looks like a resource, as in values, dashboards and Kustomize's configuration. */
  readonly isOther: boolean;
}

/**
 * Reads the resources of a file, and of JSON patches what they put in place.
 * @param mustBe refuse a file that is no manifest
 * @throws UsageError `INVALID_SPEC` naming file and line: broken YAML, half a resource, no resource beside others.
 */
export function readManifestFile(text: string, fileName: string, mustBe: boolean): ManifestContent {
  const documents = readDocuments(text, fileName);
  const isManifest =
    mustBe || documents.length === 0 || documents.some(({ value }) => isJsonPatch(value) || isLike(value));
  if (!isManifest) return { resources: [], isOther: true };
  const resources = documents.flatMap((document) =>
    isJsonPatch(document.value) ? readJsonPatch(document, fileName) : readResources(document, fileName),
  );
  return { resources, isOther: false };
}

/** Whether a value has two of the three things by which a resource is known: the third may be misspelt. */
function isLike(value: unknown): boolean {
  if (!isMapping(value)) return false;
  const { apiVersion, kind, metadata } = value;
  return [typeof apiVersion === 'string', typeof kind === 'string', isMapping(metadata)].filter(Boolean).length >= 2;
}
