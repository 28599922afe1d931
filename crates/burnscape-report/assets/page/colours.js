// Colours: viridis for values, and a colour and a dash for each curve.

// matplotlib's viridis (van der Walt and Smith 2015, CC0) at 16 places.
const VIRIDIS = ["440154", "481a6c", "472f7d", "414487", "39568c", "31688e", "2a788e", "23888e", "1f988b", "22a884", "35b779", "54c568", "7ad151", "a5db36", "d2e21b", "fde725"]
  .map(hex => [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)));

// Red, green and blue of a share from 0 to 1.
const viridis = share => {
  const place = clamp(share, 0, 1) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(place)), part = place - below;
  return VIRIDIS[below].map((low, at) => Math.round(low + (VIRIDIS[below + 1][at] - low) * part));
};
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

// As style sheets have them, for light and for dark: see page.css.
const COLOURS = 8;
const colourClass = index => (index % (COLOURS + 1) === COLOURS ? "ink" : `c${index % (COLOURS + 1)}`);
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const NOT_FINITE = [0xd6, 0x00, 0x6c];
