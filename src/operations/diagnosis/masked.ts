/** Objects of a cluster as they may leave the site: what is secret in them is hidden, what is noise is left out. Pure. */
import { looksSecret } from '../../compliance/rules/secret-rules.ts';
import { mappingAt, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { isMapping } from '../../kubernetes/resources/yaml-documents.ts';
import type { FilledValues } from '../../kubernetes/staging/filled-values.ts';

const HIDDEN = '(hidden)';
/** Copies of a whole object, its secrets included. */
const COPIES = new Set(['kubectl.kubernetes.io/last-applied-configuration', 'airgap.hexabase.ai/original-images']);
/** A value of a Secret that is shorter than this and has no telling name may be a word of its own, such as a user. */
const MIN_LENGTH = 12;

/** An object without secrets: no value of a Secret, of a variable or a setting that has the name or form of one. */
export function maskObject(object: ClusterObject): ClusterObject {
  const { managedFields: _noise, ...metadata } = object.metadata;
  const annotations = mappingAt(metadata, 'annotations');
  const kept = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [name, COPIES.has(name) ? HIDDEN : value]),
  );
  const named = { ...metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations: kept }) };
  const rest = Object.entries(object).filter(([key]) => key !== 'metadata');
  const isSecret = object.kind === 'Secret';
  return {
    ...(Object.fromEntries(
      rest.map(([key, value]) => [key, isSecret && isMapping(value) ? hideAll(value) : maskValue(key, value)]),
    ) as Omit<ClusterObject, 'metadata'>),
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: named,
  };
}

/** What is secret in the Secrets of a deployment, to be hidden wherever else it stands. */
export function secretValues(objects: readonly ClusterObject[]): FilledValues {
  const secrets = objects.filter(({ kind, apiVersion }) => kind === 'Secret' && apiVersion === 'v1');
  return new Map(
    secrets.flatMap((secret) => {
      const texts: [string, string][] = Object.entries(mappingAt(secret, 'stringData')).map(([key, value]) => [
        key,
        String(value),
      ]);
      for (const [key, value] of Object.entries(mappingAt(secret, 'data')))
        texts.push([key, Buffer.from(String(value), 'base64').toString('utf8')]);
      return texts
        .filter(([key, value]) => value.length >= MIN_LENGTH || looksSecret(key, value))
        .map(([key, value], index): [string, string] => [
          `${secret.metadata.namespace ?? ''}/${secret.metadata.name}/${key}/${index}`,
          value,
        ]);
    }),
  );
}

function hideAll(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN]));
}

function maskValue(key: string, value: unknown): unknown {
  if (typeof value === 'string') return looksSecret(key, value) ? HIDDEN : value;
  if (Array.isArray(value)) return value.map((item: unknown) => maskValue(key, item));
  if (!isMapping(value)) return value;
  const { name, value: text } = value;
  const isVariable = typeof name === 'string' && typeof text === 'string';
  return Object.fromEntries(
    Object.entries(value).map(([inner, held]) => [
      inner,
      isVariable && inner === 'value' && looksSecret(name, text) ? HIDDEN : maskValue(inner, held),
    ]),
  );
}
