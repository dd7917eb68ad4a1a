/**
 * p-values of several tests, raised so that at a level of 5 % the chance of any false alarm among them all is 5 % at most, however the
 * tests depend on each other (S. Holm, Scandinavian Journal of Statistics 6, 1979).
 *
 * @returns in the order of the values given
 */
export function holm(pValues: readonly number[]): number[] {
  const adjusted = Array<number>(pValues.length).fill(1);
  let least = 0;
  pValues
    .map((p, i) => ({ p, i }))
    .sort((a, b) => a.p - b.p)
    .forEach(({ p, i }, rank) => {
      least = Math.min(1, Math.max(least, p * (pValues.length - rank)));
      adjusted[i] = least;
    });
  return adjusted;
}
