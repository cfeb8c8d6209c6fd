/** Where another tool takes a chart from, in the words of a release: a path, a registry, or a repository and a name. */
import { AirgapError } from '../../errors.ts';
import { SpecChart } from '../spec/chart-schema.ts';
import { isChartName, parseChartSource } from '../spec/chart-source.ts';
import { isTemplate, type ComponentDraft } from './component-draft.ts';
import { shown, type Field } from './foreign-file.ts';
import type { ImportedChart } from './imported-release.ts';

const OCI_PREFIX = 'oci://';
/** One version, not a range of them: what a tag of a registry can be. */
const ONE_VERSION = /^v?[0-9]+(\.[0-9]+){0,2}([-+][0-9A-Za-z.+-]+)?$/;
const HAS_VERSION = /(:[^/:@]+|@sha256:[0-9a-f]{64})$/;
const NEXT = 'write it into release.yaml';

/** What a tool says of a chart. */
export interface ForeignChart {
  /** A name in `repository`, a path, or `oci://…`. */
  readonly chart: string;
  /** Address of a repository or of a path in a registry; absent: `chart` says it all. */
  readonly repository?: string | undefined;
  readonly version?: string | undefined;
  /** `sha256:…`, of a chart in a registry. */
  readonly digest?: string | undefined;
  readonly keyring?: string | undefined;
  readonly values?: readonly (readonly string[])[] | undefined;
  readonly kubeVersion?: string | undefined;
  readonly apiVersions?: readonly string[] | undefined;
  readonly namespace?: string | undefined;
  readonly releaseName?: string | undefined;
}

/** Takes a chart into a component, or names it where a release.yaml cannot. */
export function addChart(draft: ComponentDraft, field: Field, foreign: ForeignChart): void {
  const texts = [foreign.chart, foreign.repository ?? '', foreign.version ?? ''];
  const template = texts.find(isTemplate);
  if (template !== undefined) {
    field.file.leave(
      field.at,
      `chart ${shown(foreign.chart)} has a template in ${shown(template)}: ${NEXT} as it is rendered`,
    );
    return;
  }
  const place = placeOf(field, foreign);
  if (place === undefined) return;
  const { values = [], keyring } = foreign;
  draft.addChart({ ...place, ...wordsOf(field, foreign), keyring, values, at: field.at });
}

type Place = Pick<ImportedChart, 'chart' | 'repository' | 'version'>;

function placeOf(field: Field, foreign: ForeignChart): Place | undefined {
  const { chart, repository = '' } = foreign;
  if (/^https?:\/\//i.test(repository)) return inRepository(field, foreign, repository);
  if (chart.startsWith(OCI_PREFIX) || repository.startsWith(OCI_PREFIX)) {
    const base = repository.startsWith(OCI_PREFIX) ? `${repository.replace(/\/+$/, '')}/${chart}` : chart;
    return inRegistry(field, foreign, base);
  }
  if (repository !== '' || /^[a-z][a-z0-9+.-]*:|^git@/i.test(chart)) {
    return leave(field, chart, `comes from ${shown(repository || chart)}: fetch it, and list it by its path`);
  }
  return { chart };
}

function inRepository(field: Field, { chart, version }: ForeignChart, repository: string): Place | undefined {
  if (!isChartName(chart)) return leave(field, chart, 'has no name that a chart of a repository can have');
  const url = URL.canParse(repository) ? new URL(repository) : undefined;
  if (url === undefined) return leave(field, chart, `${shown(repository)} is no address: ${NEXT}`);
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '') {
    field.file.remark(
      field.at,
      `chart ${shown(chart)}: the credentials in the address of its repository are not copied`,
    );
  }
  const address = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
  if (version === undefined || version.trim() === '') {
    field.file.remark(field.at, `chart ${shown(chart)} has no version: '*', the newest, is written; the lock pins it`);
  }
  return { chart, repository: address, version: version?.trim() || '*' };
}

function inRegistry(field: Field, { chart, version, digest }: ForeignChart, base: string): Place | undefined {
  const suffix = digest === undefined ? (HAS_VERSION.test(base) ? '' : `:${version ?? ''}`) : `@${digest}`;
  if (suffix === ':') return leave(field, chart, `names no version: ${NEXT} as ${shown(base)}:1.2.3`);
  if (suffix.startsWith(':') && !ONE_VERSION.test(suffix.slice(1))) {
    return leave(field, chart, `has the range ${shown(version ?? '')}: a registry is asked for one version; ${NEXT}`);
  }
  try {
    return { chart: parseChartSource(base + suffix).from };
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    return leave(field, chart, `cannot be taken over: ${shown(error.message)}`);
  }
}

/** What a release.yaml would refuse is left to the default, and named. */
function wordsOf(field: Field, foreign: ForeignChart): Partial<ImportedChart> {
  const refuse = (what: string, text: string): void => {
    field.file.remark(field.at, `${what} ${shown(text)} of chart ${shown(foreign.chart)} is not taken over`);
  };
  const words = (['kubeVersion', 'namespace', 'releaseName'] as const).flatMap((key) => {
    const text = foreign[key];
    if (text === undefined || text === '') return [];
    if (SpecChart.shape[key].safeParse(text).success) return [[key, text] as const];
    refuse(key, text);
    return [];
  });
  const apiVersions = foreign.apiVersions?.filter((text) => {
    const fits = SpecChart.shape.apiVersions.safeParse([text]).success;
    if (!fits) refuse('API version', text);
    return fits;
  });
  return { ...Object.fromEntries(words), apiVersions };
}

function leave(field: Field, chart: string, why: string): undefined {
  field.file.leave(field.at, `chart ${shown(chart)} ${why}`);
  return undefined;
}
