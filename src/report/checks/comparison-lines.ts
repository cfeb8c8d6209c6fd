/** A comparison in words: what is not the same, with its places; for lines, for Markdown and for the page alike. */
import { formatCount } from '../format.ts';
import type { CheckComparison } from './comparison-schema.ts';

type ComparedSubject = CheckComparison['subjects'][number];
type ComparedRule = ComparedSubject['rules'][number];
type ComparedName = ComparedSubject['absent'][number];

const WORDS = { worse: 'WORSE', gone: 'GONE', new: 'new', better: 'better' } as const;
const STATES = {
  pass: 'met',
  fail: 'not met',
  excepted: 'not met, excepted',
  'not-applicable': 'nothing it applies to',
} as const;
const OUTCOMES = {
  worse: 'Something is worse than it was then.',
  incomplete: 'Nothing is worse than it was then, and something that was checked then is not there or was not checked.',
  better: 'Nothing is worse than it was then, and something is better.',
  same: 'All that was checked is as it was then.',
} as const;

/** Objects of one kind of difference that lines name; JSON has all of them. */
const MAX_SHOWN = 25;

/** One thing that is not the same, and the places below it. */
export interface ComparisonItem {
  readonly text: string;
  readonly places: readonly string[];
}

/** What became of one subject. */
export interface ComparisonSection {
  readonly heading: string;
  readonly items: readonly ComparisonItem[];
  readonly counts: string;
}

/** The comparison, line by line. */
export function comparisonLines(comparison: CheckComparison): readonly string[] {
  return [
    `Compared with ${describeEarlier(comparison)}:`,
    ...comparisonSections(comparison).flatMap(({ heading, items, counts }) => [
      heading,
      ...items.flatMap(({ text, places }) => [`  ${text}`, ...places.map((place) => `          ${place}`)]),
      `  ${counts}`,
    ]),
    ...notCompared(comparison),
    describeComparison(comparison),
    '',
  ];
}

/** What all of it comes to, in a sentence. */
export function describeComparison({ verdict }: CheckComparison): string {
  return OUTCOMES[verdict];
}

/** `release.tar (demo 1.0.0, sha256:…), checked at 2026-01-31T12:00:00Z` */
export function describeEarlier({ with: { name, digest, release, checkedAt } }: CheckComparison): string {
  const what = release === undefined ? digest : `${release.name} ${release.version}, ${release.digest}`;
  return `${name} (${what}), checked at ${checkedAt}`;
}

/** Subjects of the earlier report that nothing was compared with. */
export function notCompared({ notCompared: names }: CheckComparison): readonly string[] {
  return names.length === 0 ? [] : [`Not compared, since nothing that was checked now is of it: ${names.join(', ')}`];
}

/** All that is not the same, a section for each subject. */
export function comparisonSections({ subjects }: CheckComparison): readonly ComparisonSection[] {
  return subjects.map((subject) => ({
    heading: headingOf(subject),
    items: [...subject.rules.flatMap(ruleItem), ...objectItems(subject)],
    counts: countsOf(subject),
  }));
}

function headingOf({ name, with: partners, alike }: ComparedSubject): string {
  if (partners.length === 0) return `${name} with nothing: the earlier report has nothing of it`;
  const others = alike.length === 0 ? '' : ` (it may as well be ${alike.join(' or ')}: choose with --compare-subject)`;
  return `${name} with ${partners.join(' and ')}${others}`;
}

function ruleItem({ rule, outcome, then, now, worse, better }: ComparedRule): readonly ComparisonItem[] {
  if (outcome === 'same') return [];
  const was = then === undefined ? 'not checked then' : `${STATES[then]} then`;
  const is = now === undefined ? 'not checked now' : `${STATES[now]} now`;
  const places = [
    ...worse.map((place) => `${describeObject(place)} ${place.field}: ${place.message}`),
    ...better.map((place) => `no longer: ${describeObject(place)} ${place.field}`),
  ];
  return [{ text: `${WORDS[outcome].padEnd(6)} ${rule}: ${was}, ${is}`, places }];
}

function objectItems({ absent, added }: ComparedSubject): readonly ComparisonItem[] {
  const item = (text: string, objects: readonly ComparedName[]): readonly ComparisonItem[] =>
    objects.length === 0
      ? []
      : [{ text, places: [...objects.slice(0, MAX_SHOWN).map(describeObject), ...more(objects)] }];
  // They are not handed out to be checked at a site: that one is not among the objects does not say that it is not there.
  const secrets = absent.filter(({ kind }) => kind === 'Secret');
  const gone = absent.filter(({ kind }) => kind !== 'Secret');
  return [
    ...item(`${formatCount(gone.length, 'object')} checked then, not there now:`, gone),
    ...item(`${formatCount(secrets.length, 'secret')} checked then, not looked at now:`, secrets),
    ...item(`${formatCount(added.length, 'object')} not there then:`, added),
  ];
}

function more({ length }: readonly ComparedName[]): readonly string[] {
  return length > MAX_SHOWN ? [`and ${length - MAX_SHOWN} more, which the report as JSON names`] : [];
}

function describeObject({ kind, namespace, name }: ComparedName): string {
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  return name === '' ? `${kind}${place === '' ? ' in the cluster' : place}` : `${kind}/${name}${place}`;
}

function countsOf({ rules }: ComparedSubject): string {
  const count = (outcome: ComparedRule['outcome']): number => rules.filter((rule) => rule.outcome === outcome).length;
  const rest = (['better', 'worse', 'new', 'gone'] as const).map((outcome) => `${count(outcome)} ${outcome}`);
  return `${formatCount(count('same'), 'rule')} the same, ${rest.join(', ')}`;
}
