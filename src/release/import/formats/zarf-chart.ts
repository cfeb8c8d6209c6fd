/** A chart of a Zarf package, in the forms of v1alpha1 and v1beta1. */
import { addChart, type ForeignChart } from '../chart-place.ts';
import { isUrl, type ComponentDraft } from '../component-draft.ts';
import { shown, type Field } from '../foreign-file.ts';

const GIT = /\.git(@|$)|^git@|^git:/;

/** Takes the chart into a component. */
export function addZarfChart(draft: ComponentDraft, chart: Field): void {
  const { file } = chart;
  const name = chart.get('name').requiredText;
  if (name === undefined) return;
  const git = chart.get('git');
  const url = chart.get('url').text || undefined;
  if (git.isThere || chart.get('gitPath').isThere || (url !== undefined && GIT.test(url))) {
    file.leave(chart.at, `chart ${shown(name)} comes from Git: fetch it, and list it by its path`);
    return;
  }
  for (const key of ['variables', 'values']) {
    const field = chart.get(key);
    if (!field.isThere) continue;
    file.remark(
      field.at,
      `chart ${shown(name)}: values that are set at deployment are not known here; list the images that they choose`,
    );
  }
  const files = [...chart.get('valuesFiles').items, ...chart.get('templatedValuesFiles').items].flatMap((each) => {
    const text = each.isText ? each.text : each.get('path').requiredText;
    if (text === undefined || !isUrl(text)) return text ?? [];
    file.leave(
      each.at,
      `values ${shown(text)} of chart ${shown(name)} lie on the network: download them, and list them by their path`,
    );
    return [];
  });
  addChart(draft, chart, {
    ...placeOf(chart, name, url),
    values: files.length === 0 ? [] : [files],
    namespace: chart.get('namespace').text || undefined,
    releaseName: chart.get('releaseName').text || name,
  });
}

function placeOf(chart: Field, name: string, url: string | undefined): ForeignChart {
  const version = chart.get('version').text || undefined;
  const local = chart.get('localPath').text || chart.get('local').get('path').text || undefined;
  if (local !== undefined) return { chart: local };
  const oci = chart.get('oci');
  if (oci.isThere) {
    const ref = oci.get('ref');
    return {
      chart: oci.get('url').requiredText ?? '',
      version: ref.get('tag').text || undefined,
      digest: ref.get('digest').text || undefined,
    };
  }
  const repository = chart.get('helmRepository');
  if (repository.isThere) {
    return {
      chart: repository.get('name').text || name,
      repository: repository.get('url').requiredText,
      version: repository.get('version').text || undefined,
    };
  }
  if (url?.startsWith('oci://') === true) return { chart: url, version };
  return { chart: chart.get('repoName').text || name, repository: url, version };
}
