/** All of a list, where an empty list must not pass for one whose every member was looked at. */

/** Whether all of them are so. @throws Error for an empty list, about which that says nothing */
export function allOf<T>(list: readonly T[], isSo: (each: T, index: number) => boolean): boolean {
  if (list.length === 0) throw new Error('the list is empty, so that nothing was looked at');
  return list.every(isSo);
}
