/** Values that a site fills in: each a placeholder in the manifests, and a line in a file that lists them all. */

/** How a placeholder is called in a manifest: `${SITE_…}`. */
const PREFIX = 'SITE';
/** Characters of one name, before a number that tells it from others. */
const MAX_NAME_LENGTH = 200;
/** How a value in the `data` of a Secret is asked for. */
const BASE64 = '_BASE64';

/** One value, as it came out twice. */
export type ValuePair = readonly [string, string];

/** Gives placeholders to values, the same to the same value. */
export interface SiteValues {
  /**
   * The placeholder of a value: `${SITE_API_PASSWORD}`.
   * @param about words for its name, where it has none yet
   * @param place what the list says of where it stands
   */
  placeholder(value: ValuePair, about: readonly string[], place: string, form: 'plain' | 'base64'): string;
  /** The names that were given, sorted, with the places of each. */
  list(): readonly { readonly name: string; readonly places: readonly string[] }[];
}

/** `texts`: all that is rendered; what it holds itself is no name of a placeholder. */
export function createSiteValues(texts: readonly string[]): SiteValues {
  const names = new Map<string, string>();
  const places = new Map<string, Set<string>>();
  const isTaken = (name: string): boolean =>
    [...names.values()].includes(name) || texts.some((text) => text.includes(`\${${name}`));
  const newName = (about: readonly string[]): string => {
    const words = [PREFIX, ...about].map((word) =>
      word
        .toUpperCase()
        .replace(/[^A-Z0-9]+/g, '_')
        .replace(/^_|_$/g, ''),
    );
    const base = words
      .filter((word) => word !== '')
      .join('_')
      .slice(0, MAX_NAME_LENGTH);
    let name = base;
    for (let number = 2; isTaken(name); number++) name = `${base}_${number}`;
    return name;
  };
  return {
    placeholder: (value, about, place, form) => {
      const key = JSON.stringify(value);
      const name = names.get(key) ?? newName(about);
      names.set(key, name);
      const inForm = form === 'base64' ? name + BASE64 : name;
      places.set(inForm, (places.get(inForm) ?? new Set()).add(place));
      return `\${${inForm}}`;
    },
    list: () => [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, at]) => ({ name, places: [...at] })),
  };
}

/** The list as a file to be filled in, with how. `apply` is the command that takes a manifest on standard input. */
export function formatSiteValues(values: SiteValues, folder: string, apply: string): string {
  return `# What ${folder} leaves to the site. Copy it, give each name a value, and install, with bash, in the order of the numbers:
#
#   cp secrets.env.example secrets.env && chmod 600 secrets.env
#   for file in [0-9]*.yaml; do
#     sed -f <(sed -n 's/^\\(${PREFIX}_[A-Z0-9_]*\\)=\\(..*\\)$/s|\${\\1}|\\2|g/p' secrets.env) "$file" | ${apply} || break
#   done
#
# Names that end in ${BASE64} take base64 without line breaks, for example: openssl rand -hex 24 | tr -d '\\n' | base64 -w 0
# The others take letters, digits and + / = . _ - as they are. Where a name and its ${BASE64} are both here, give both the
# same value. The cluster refuses a Secret whose values are not filled in.
${values
  .list()
  .map(({ name, places }) => `\n${places.map((place) => `# ${place}\n`).join('')}${name}=\n`)
  .join('')}`;
}
