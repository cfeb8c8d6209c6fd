/** Images that a resource may make something pull: by what their places are called, and by what stands there. */
import type { YamlPath } from '../../base/yaml-source.ts';
import { formatReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import { formatPath, groupOf } from '../resources/image-places.ts';
import { isMapping, type KubernetesResource } from '../resources/yaml-documents.ts';
import { readEmbedded } from './embedded-text.ts';
import type { SuspectRule } from './finding.ts';
import { imagesOfPod } from './embedded-pods.ts';
import { assembleImages } from './split-keys.ts';
import { findInString, isFreeText, type Scope } from './string-rules.ts';

/** Holds schemas and examples of resources, not resources. */
const SCHEMA_KIND = 'CustomResourceDefinition';
/** Kubernetes' own groups: their fields are known, so that none but those of text can hide an image. */
const CORE_GROUPS = new Set([
  ...['', 'apps', 'batch', 'autoscaling', 'policy', 'extensions', 'events.k8s.io', 'networking.k8s.io'],
  ...['rbac.authorization.k8s.io', 'storage.k8s.io', 'scheduling.k8s.io', 'node.k8s.io', 'coordination.k8s.io'],
  ...['admissionregistration.k8s.io', 'apiregistration.k8s.io', 'apiextensions.k8s.io', 'certificates.k8s.io'],
  ...['discovery.k8s.io', 'flowcontrol.apiserver.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io'],
]);
/** Text within text within text. */
const MAX_EMBEDDING = 3;
/** In front of an argument's value, which may be structured. */
const OPTION_NAME = /^-{0,2}[\w.-]+=(?=[[{])/;
const NONE: ReadonlySet<string> = new Set();
/** Where Kubernetes' own kinds hold texts. */
const TEXT_KEYS: Readonly<Record<string, Readonly<Record<string, 'plain' | 'base64'>>>> = {
  ConfigMap: { data: 'plain', binaryData: 'base64' },
  Secret: { data: 'base64', stringData: 'plain' },
};
/** A copy of the resource, as kubectl applied it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** One suspect. */
export interface Suspect {
  readonly reference: Reference;
  readonly rule: SuspectRule;
  /** `data["config.yaml"] > proxy.image`. */
  readonly path: string;
}

/**
 * The suspects of a resource.
 * @param hosts registries that certain images come from: their names in a text are as telling as those of public ones
 * @param certain paths whose images are certain already
 */
export function findSuspects(
  resource: KubernetesResource,
  hosts: ReadonlySet<string>,
  certain: ReadonlySet<string>,
): readonly Suspect[] {
  if (resource.kind === SCHEMA_KIND) return [];
  const found = new Map<string, Suspect>();
  const take = (named: Reference, rule: SuspectRule, path: string, known: ReadonlySet<string>): void => {
    const reference = withDefaultTag(named);
    const key = JSON.stringify([reference, path]);
    if (certain.has(path) || found.has(key) || known.has(formatReference(reference))) return;
    found.set(key, { reference, rule, path });
  };

  const visit: Visit = (value, path, { prefix, scope, depth, known }, label) => {
    const show = (at: YamlPath): string => `${prefix}${formatPath(at)}`;
    if (typeof value === 'string') {
      const isFree = scope === 'core' && isFreeText(path);
      const isText = scope !== 'core' || isFree;
      const parsed =
        isText && depth < MAX_EMBEDDING ? readEmbedded(isFree ? value.replace(OPTION_NAME, '') : value) : [];
      // What is structured says more than its text does. A script may only look so: there, both count.
      const plain = parsed.length > 0 && !isFree ? [] : findInString(value, path, { scope, hosts, label });
      for (const { reference, rule } of plain) take(reference, rule, show(path), known);
      const told = new Set([...known, ...plain.map(({ reference }) => formatReference(withDefaultTag(reference)))]);
      const within = { prefix: `${show(path)} > `, scope: 'embedded', depth: depth + 1, known: told } as const;
      for (const inner of parsed) visit(inner, [], within);
      return;
    }
    const mapping = Array.isArray(value) ? pairsOf(value) : isMapping(value) ? value : {};
    if (scope !== 'core' || path.includes('env')) {
      const isImage = path.slice(-2).some((key) => /image/i.test(String(key)));
      for (const { reference, path: at } of assembleImages(mapping, isImage)) {
        take(reference, 'split keys', show([...path, ...at]), known);
      }
    }
    if (scope === 'embedded') {
      for (const { reference, at } of imagesOfPod(mapping))
        take(reference, 'embedded pod', show([...path, ...at]), known);
    }
    const place = { prefix, scope, depth, known };
    for (const [key, inner] of childrenOf(value)) {
      if (key !== LAST_APPLIED) visit(inner, [...path, key], place, labelOf(value, key));
    }
  };

  const { kind, value } = resource;
  const scope: Scope = CORE_GROUPS.has(groupOf(resource.apiVersion)) ? 'core' : 'custom';
  const textKeys = scope === 'core' ? (TEXT_KEYS[kind] ?? {}) : {};
  for (const [key, inner] of Object.entries(value)) {
    const form = textKeys[key];
    const place = { prefix: '', depth: 0, known: NONE };
    if (form === undefined) visit(inner, [key], { ...place, scope });
    else visit(form === 'base64' ? decode(inner) : inner, [key], { ...place, scope: 'embedded' });
  }
  return [...found.values()];
}

interface Place {
  /** The way into the text that the path begins in. */
  readonly prefix: string;
  readonly scope: Scope;
  /** Texts within texts. */
  readonly depth: number;
  /** Images that the text around it names already, as it stands. */
  readonly known: ReadonlySet<string>;
}

type Visit = (value: unknown, path: YamlPath, place: Place, label?: string) => void;

function childrenOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return [...value.entries()];
  return isMapping(value) ? Object.entries(value) : [];
}

/** What a value is called by its neighbour: the name of a variable or parameter, the option before an argument. */
function labelOf(parent: unknown, key: string | number): string | undefined {
  if (Array.isArray(parent) && typeof key === 'number') {
    const before: unknown = parent[key - 1];
    return typeof before === 'string' && /^--?[\w-]+$/.test(before) ? before : undefined;
  }
  if (!isMapping(parent) || (key !== 'value' && key !== 'default')) return undefined;
  return typeof parent['name'] === 'string' ? parent['name'] : undefined;
}

/** `[{name, value}]` as `{[name]: value}`: variables, parameters. */
function pairsOf(items: readonly unknown[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    items.flatMap((item) => {
      if (!isMapping(item) || typeof item['name'] !== 'string') return [];
      return [[item['name'], item['value'] ?? item['default']]];
    }),
  );
}

/** The values in base64 that are text. */
function decode(data: unknown): Readonly<Record<string, unknown>> {
  if (!isMapping(data)) return {};
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]) => {
      const text = typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
      return /[\0\uFFFD]/.test(text) ? [] : [[key, text]];
    }),
  );
}
