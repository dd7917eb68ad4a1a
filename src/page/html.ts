/** How the page is drawn. Values in templates are text, never markup. */
export { html, nothing, render, svg, type TemplateResult } from 'lit-html';
export { repeat } from 'lit-html/directives/repeat.js';
