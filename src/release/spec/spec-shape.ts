/** What a `release.yaml` may say where, for the lines that say what is wrong with one. */
import type { DocumentShape } from '../../base/schemas/document-problems.ts';
import type { YamlPath } from '../../base/yaml-source.ts';
import { SpecImageRule, SpecSigner } from '../policy/image-policy-schema.ts';
import { SpecAccept, SpecDismiss, SpecPlaceRule } from '../suspects/decision-schema.ts';
import { SpecChart, SpecValueSet } from './chart-schema.ts';
import { SpecCheck, SpecCheckDemand } from './check-schema.ts';
import { InitCommand } from '../deployment/deploy-document.ts';
import { SpecDeploy } from './deploy-schema.ts';
import { SpecComponent, SpecDocument, SpecFile, SpecImage } from './spec-schema.ts';

/** The shape of a release.yaml. */
export const SPEC_SHAPE: DocumentShape = {
  fieldsAt,
  choicesAt,
  placeOf: (key, path) => {
    if (!Object.hasOwn(path.length === 0 ? SpecComponent.shape : SpecDocument.shape, key)) return undefined;
    return path.length === 0 ? 'belongs inside a component' : 'belongs at the top of the file';
  },
  hint: 'docs/release.schema.json describes every field; `airgap init` writes a commented example',
};

function fieldsAt(path: YamlPath): readonly string[] {
  const names = path.filter((key) => typeof key === 'string').join('.');
  if (names === '') return Object.keys(SpecDocument.shape);
  if (names === 'components') return Object.keys(SpecComponent.shape);
  if (names === 'components.images') return Object.keys(SpecImage.shape);
  if (names === 'components.charts') return Object.keys(SpecChart.shape);
  if (names === 'components.charts.values') return Object.keys(SpecValueSet.shape);
  if (names === 'check') return Object.keys(SpecCheck.shape);
  if (names === 'check.demands') return Object.keys(SpecCheckDemand.shape);
  if (names === 'deploy') return Object.keys(SpecDeploy.shape);
  if (names === 'deploy.init') return Object.keys(InitCommand.shape);
  if (names === 'accept') return Object.keys(SpecAccept.shape);
  if (names === 'dismiss') return Object.keys(SpecDismiss.shape);
  if (names === 'rules') return Object.keys(SpecPlaceRule.shape);
  if (names === 'components.files') return Object.keys(SpecFile.shape);
  if (names === 'imagePolicy') return Object.keys(SpecImageRule.shape);
  if (names === 'imagePolicy.signedBy') return Object.keys(SpecSigner.shape);
  return [];
}

function choicesAt(path: YamlPath): string {
  if (path.at(-1) === 'platforms') return 'a list of platforms or the word all';
  return path.at(-2) === 'values' ? 'a file, a list of files or a mapping' : 'text or a mapping';
}
