/** What a chart renders to, as files that a person applies one after the other, without Helm. */
import { UsageError } from '../../errors.ts';
import type { RenderedDocument } from '../rendering/chart-renderer.ts';
import { isMapping } from '../resources/yaml-documents.ts';
import { installPlaceOf, STAGES, type InstallPlace, type Stage } from './install-stages.ts';
import { createSiteValues, formatSiteValues, type SiteValues } from './site-values.ts';
import { readResourcePair, stabilize, type ResourcePair } from './stable-resource.ts';

/** What is left to the site, beside the manifests. */
const SITE_VALUES = 'secrets.env.example';
/** A file of custom resource definitions, which comes as it is. */
const CRDS = /(^|\/)crds\//;

/** What to make files of. */
export interface StageRequest {
  /** What messages call the chart with its values. */
  readonly shownAs: string;
  /** What the folder is called, in words for the site. */
  readonly folder: string;
  /** The namespace that the chart was rendered for. */
  readonly namespace: string;
  /** The chart rendered twice, with different seeds. */
  readonly renderings: readonly [readonly RenderedDocument[], readonly RenderedDocument[]];
  /** Texts of the value files: in the data of a Secret they are secret. */
  readonly givenTexts: ReadonlySet<string>;
}

/** One file of the folder. */
export interface StagedFile {
  /** Within the folder: `03-secrets.yaml`. */
  readonly name: string;
  readonly bytes: Buffer;
}

interface PlacedResource extends InstallPlace {
  readonly source: string;
  /** Absent for what is the same as it came and is not looked into. */
  readonly pair?: ResourcePair | undefined;
  readonly text: string;
}

/**
 * Divides what a chart renders to into stages, each a file, in the order of installation. What the chart makes anew at each
 * rendering becomes a placeholder, and so does what value files put into a Secret, listed in `secrets.env.example`: the
 * files are the same whenever they are made, and hold no generated secret.
 * @throws UsageError `INVALID_SPEC` naming the template whose resources have another shape at each rendering.
 */
export function stageManifests(request: StageRequest): readonly StagedFile[] {
  const { shownAs, folder, namespace, renderings, givenTexts } = request;
  const placed = pairUp(renderings, shownAs).flatMap(place).sort(compare);
  const values = createSiteValues(renderings[0].map(({ text }) => text));
  const written = placed.map(({ stage, source, pair, text }) => {
    const stable = pair === undefined ? text : stabilize(pair, values, givenTexts);
    if (stable === undefined) throw unstable(shownAs, source);
    return { stage, text: `---\n# Source: ${source}\n${stable.endsWith('\n') ? stable : `${stable}\n`}` };
  });
  if (namespace !== 'default' && !placed.some(({ pair }) => isNamespace(pair, namespace))) {
    const text = `---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n`;
    written.unshift({ stage: 'namespace', text });
  }
  const apply = `kubectl apply${namesOther(placed, namespace) ? '' : ` --namespace ${namespace}`} -f -`;
  const files = STAGES.flatMap((stage, index) => toFile(stage, index, written, request, values));
  if (values.list().length === 0) return files;
  return [...files, { name: SITE_VALUES, bytes: Buffer.from(formatSiteValues(values, folder, apply)) }];
}

/** The documents of both renderings, side by side: the n-th of a kind from one template is the same resource in both. */
function pairUp(
  [one, other]: StageRequest['renderings'],
  shownAs: string,
): readonly { readonly source: string; readonly texts: readonly [string, string] }[] {
  const rest = Map.groupBy(other, keyOf);
  if (one.length !== other.length) {
    const counts = Map.groupBy(one, keyOf);
    const [key] = [...rest, ...counts].find(([name]) => rest.get(name)?.length !== counts.get(name)?.length) ?? [''];
    throw unstable(shownAs, key.split('\n')[0] ?? '');
  }
  return one.map((document) => {
    const match = rest.get(keyOf(document))?.shift();
    if (match === undefined) throw unstable(shownAs, document.source);
    return { source: document.source, texts: [document.text, match.text] };
  });
}

function keyOf({ source, text }: RenderedDocument): string {
  return `${source}\n${/^kind:.*$/m.exec(text)?.[0] ?? ''}`;
}

function place({ source, texts }: ReturnType<typeof pairUp>[number]): readonly PlacedResource[] {
  const [text] = texts;
  if (CRDS.test(source) && texts[0] === texts[1]) return [{ stage: 'crds', order: [0, 0, 0], source, text }];
  const pair = readResourcePair(texts, source);
  if (pair === undefined) return [];
  const where = installPlaceOf(pair.value);
  return where === undefined ? [] : [{ ...where, source, pair, text }];
}

/** Stable: of two that are equal in all, the one that Helm prints first comes first. */
function compare(a: PlacedResource, b: PlacedResource): number {
  const keys = a.order.map((key, index) => key - (b.order[index] ?? 0));
  return keys.find((difference) => difference !== 0) ?? (a.source < b.source ? -1 : a.source > b.source ? 1 : 0);
}

function toFile(
  stage: Stage,
  index: number,
  written: readonly { readonly stage: Stage; readonly text: string }[],
  { folder, namespace }: StageRequest,
  values: SiteValues,
): readonly StagedFile[] {
  const texts = written.filter((each) => each.stage === stage).map(({ text }) => text);
  if (texts.length === 0) return [];
  const number = String(index).padStart(2, '0');
  const isOpen = values.list().some(({ name }) => texts.some((text) => text.includes(`\${${name}}`)));
  const note = isOpen ? `# Values are left to the site: see ${SITE_VALUES}.\n` : '';
  const head = `# ${folder}, step ${number}. What names no namespace belongs to ${namespace}.\n${note}`;
  return [{ name: `${number}-${stage}.yaml`, bytes: Buffer.from(head + texts.join('')) }];
}

function isNamespace(pair: ResourcePair | undefined, namespace: string): boolean {
  return pair?.value['kind'] === 'Namespace' && namespaceOrName(pair, 'name') === namespace;
}

/** `kubectl --namespace` refuses what names another. */
function namesOther(placed: readonly PlacedResource[], namespace: string): boolean {
  return placed.some(({ pair }) => ![undefined, namespace].includes(namespaceOrName(pair, 'namespace')));
}

function namespaceOrName(pair: ResourcePair | undefined, key: 'name' | 'namespace'): string | undefined {
  const metadata = pair?.value['metadata'];
  const text = isMapping(metadata) ? metadata[key] : undefined;
  return typeof text === 'string' ? text : undefined;
}

function unstable(shownAs: string, source: string): UsageError {
  return new UsageError(
    'INVALID_SPEC',
    `${shownAs}: ${source} renders to another shape each time, so no manifests of it can be carried`,
    { hint: 'give the values that it makes up itself, or leave out renderManifests and install the chart with Helm' },
  );
}
