/** The clusters of a site, as declared: reads `fleet.yaml`, refuses what is wrong with it all at once, and normalises the rest. */
import { dirname, join, isAbsolute } from 'node:path';
import { readTextFile } from '../base/files/read-file.ts';
import {
  invalidDocument,
  problem,
  toProblems,
  type DocumentProblem,
  type DocumentShape,
} from '../base/schemas/document-problems.ts';
import { readYaml, type YamlDocument, type YamlPath } from '../base/yaml-source.ts';
import { UsageError } from '../errors.ts';
import { formatPlatform, parsePlatform } from '../oci/platform.ts';
import { findFleetFaults } from './fleet-faults.ts';
import {
  FleetAmounts,
  FleetCluster,
  FleetDocument,
  FleetLink,
  FleetPlacement,
  FleetSetting,
  type ClusterKind,
  type ClusterRole,
} from './fleet-schema.ts';
import { parseByteQuantity, parseDuration, parseMilli } from '../kubernetes/resources/quantity.ts';

/** UTF-16 units of one `fleet.yaml`: thousands of clusters with their links. */
const MAX_FLEET_LENGTH = 16 * 1024 * 1024;

/** Amounts that are counted; what is absent is not. */
export interface Amounts {
  /** In thousandths of a processor. */
  readonly cpu?: number | undefined;
  /** In bytes. */
  readonly memory?: number | undefined;
  /** In bytes. */
  readonly storage?: number | undefined;
}

export type { FleetSetting } from './fleet-schema.ts';

/** One cluster. */
export interface Cluster {
  readonly name: string;
  readonly role: ClusterRole;
  readonly kind: ClusterKind;
  readonly region: string;
  /** Within the region. */
  readonly zone?: string | undefined;
  readonly capacity: Amounts;
  /** What it is certified for. */
  readonly compliance: readonly string[];
  readonly registry?: string | undefined;
  /** What nodes call the registry, where it is another name. */
  readonly pullFrom?: string | undefined;
  /** In the kubeconfig. */
  readonly context?: string | undefined;
  /** A path that starts from where this process is, as that of {@link siteValues}. */
  readonly kubeconfig?: string | undefined;
  readonly namespace?: string | undefined;
  /** Which manifests of a release it gets. */
  readonly profile?: string | undefined;
  readonly siteValues?: string | undefined;
  /** Where others reach it, by name. */
  readonly endpoints?: Readonly<Record<string, string>> | undefined;
  /** What else others have to know of it, by name. */
  readonly values?: Readonly<Record<string, string>> | undefined;
  /** Authorities of its endpoints. */
  readonly caFile?: string | undefined;
  /** Canonical; absent where they are not stated. */
  readonly platforms?: readonly string[] | undefined;
}

/** What connects two clusters, both ways. */
export interface Link {
  readonly between: readonly [string, string];
  readonly latencyMs?: number | undefined;
  readonly bandwidthMbps?: number | undefined;
  /** 0 for clusters that are always in contact. */
  readonly syncIntervalMs: number;
  readonly offlineTimeoutMs?: number | undefined;
}

/** A whole fleet, as declared. */
export interface Fleet {
  readonly name: string;
  readonly clusters: readonly Cluster[];
  readonly links: readonly Link[];
  /** What differs in the manifests from cluster to cluster. */
  readonly settings: readonly FleetSetting[];
  /** Placeholders whose value a cluster has from its primary. */
  readonly sharedValues: readonly string[];
  /** By component, as written. */
  readonly placement: ReadonlyMap<string, FleetPlacement>;
  /** Where a field of a component's entry stands: `fleet.yaml:14:9`; of what contains it where there is none. */
  locate(component: string, field: readonly string[]): string;
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(FleetDocument.shape),
  clusters: Object.keys(FleetCluster.shape),
  'clusters.capacity': Object.keys(FleetAmounts.shape),
  links: Object.keys(FleetLink.shape),
  settings: Object.keys(FleetSetting.shape),
  'placement.*': Object.keys(FleetPlacement.shape),
  'placement.*.resources': Object.keys(FleetAmounts.shape),
  'placement.*.regions': ['allow', 'deny'],
  'placement.*.near': ['component', 'within'],
  'placement.*.spread': ['regions', 'zones'],
};

const FLEET_SHAPE: DocumentShape = {
  fieldsAt: (path) => {
    const names = path.filter((key) => typeof key === 'string');
    if (names[0] === 'placement' && names.length > 1) names[1] = '*';
    return FIELDS[names.join('.')] ?? [];
  },
  choicesAt: (path) =>
    path.at(-1) === 'maxClusters' ? 'a whole number or the word all' : 'a quantity such as 4 or 64Gi',
  hint: 'docs/fleet.schema.json describes every field, docs/fleet.md says what they mean',
};

/**
 * Reads a fleet.yaml.
 * @throws NotFoundError `NOT_FOUND` when there is no such file.
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export async function loadFleet(path: string): Promise<Fleet> {
  const text = await readTextFile(path, {
    what: 'a fleet.yaml',
    limit: MAX_FLEET_LENGTH,
    hintWhenMissing: 'name it with --fleet; docs/fleet.md has an example to start from',
  });
  return parseFleet(text, path);
}

/**
 * Reads the text of a fleet.yaml.
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export function parseFleet(text: string, fileName: string): Fleet {
  const [document, ...others] = readYaml(text, fileName, { maxLength: MAX_FLEET_LENGTH });
  if (document === undefined || document.value === null) {
    throw new UsageError('INVALID_SPEC', `${fileName}: is empty`, {
      hint: 'docs/fleet.md has an example to start from',
    });
  }
  const second = others[0];
  if (second !== undefined) {
    throw invalid([problem(second.start, [], 'a second document; one file declares one fleet')], fileName);
  }
  const parsed = FleetDocument.safeParse(document.value);
  if (!parsed.success) throw invalid(toProblems(parsed.error.issues, document, FLEET_SHAPE), fileName);
  const faults = findFleetFaults(parsed.data, document);
  if (faults.length > 0) throw invalid(faults, fileName);
  return toFleet(parsed.data, document, fileName);
}

function invalid(problems: readonly DocumentProblem[], fileName: string): UsageError {
  return invalidDocument(problems, fileName, FLEET_SHAPE);
}

function toFleet(data: FleetDocument, document: YamlDocument, fileName: string): Fleet {
  return {
    name: data.name,
    clusters: data.clusters.map(
      ({ capacity, compliance = [], platforms, kubeconfig, siteValues, caFile, ...cluster }) => ({
        ...cluster,
        ...(caFile === undefined ? {} : { caFile: beside(fileName, caFile) }),
        ...(kubeconfig === undefined ? {} : { kubeconfig: beside(fileName, kubeconfig) }),
        ...(siteValues === undefined ? {} : { siteValues: beside(fileName, siteValues) }),
        capacity: toAmounts(capacity),
        compliance,
        ...(platforms === undefined ? {} : { platforms: platforms.map((text) => formatPlatform(parsePlatform(text))) }),
      }),
    ),
    links: (data.links ?? []).map(({ between, syncInterval, offlineTimeout, ...link }) => ({
      ...link,
      between: between as [string, string],
      syncIntervalMs: syncInterval === undefined ? 0 : parseDuration(syncInterval),
      ...(offlineTimeout === undefined ? {} : { offlineTimeoutMs: parseDuration(offlineTimeout) }),
    })),
    settings: data.settings ?? [],
    sharedValues: data.sharedValues ?? [],
    placement: new Map(Object.entries(data.placement ?? {})),
    locate: (component, field) => {
      const path: YamlPath = ['placement', component, ...field];
      const { line, column } = document.locate(path);
      return `${fileName}:${line}:${column}`;
    },
  };
}

/** A path that is written in a file starts from the folder of that file. */
function beside(fileName: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(fileName), path);
}

/** What was written, in whole units. */
export function toAmounts({ cpu, memory, storage }: FleetPlacement['resources'] & {} = {}): Amounts {
  return {
    ...(cpu === undefined ? {} : { cpu: parseMilli(String(cpu)) }),
    ...(memory === undefined ? {} : { memory: parseByteQuantity(String(memory)) }),
    ...(storage === undefined ? {} : { storage: parseByteQuantity(String(storage)) }),
  };
}
