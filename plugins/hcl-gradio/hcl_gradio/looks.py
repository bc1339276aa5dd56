"""The style of the page. It uses the fonts of the visitor's system and loads none."""

from __future__ import annotations

from gradio import themes

HEAD = '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'

CSS = """
.gradio-container { max-width: 1240px !important; margin: 0 auto !important; padding: 20px 20px 48px !important; }
.gradio-container main, .gradio-container .app { padding: 0 !important; width: 100% !important; }
.gradio-container main, .gradio-container .app { max-width: none !important; }
footer { display: none !important; }
#hcl-head h1 { font-size: 1.9rem; font-weight: 700; letter-spacing: -0.02em; margin: 4px 0 2px; }
#hcl-head p { color: var(--body-text-color-subdued); margin: 0 0 8px; max-width: 46rem; }
.hcl-note p { color: var(--body-text-color-subdued); font-size: 0.9rem; margin: 2px 0; }
.hcl-note h3 { margin: 22px 0 2px; font-size: 1rem; }
.hcl-fill { color: #e91e63; } .hcl-leave { color: #007acc; }
/* By default the page is as wide as its content; this keeps one width whatever is shown. */
#hcl-bench, #hcl-head { width: min(1200px, calc(100vw - 56px)); }
#hcl-intake { width: min(860px, calc(100vw - 56px)); margin: 0 auto; }
#hcl-strip .grid-container { grid-template-columns: repeat(auto-fill, 84px) !important; }
#hcl-strip .thumbnail-lg { aspect-ratio: 1; }
#hcl-strip .caption-label { display: none; }
#hcl-shelf, #hcl-shelf .grid-wrap { height: auto !important; min-height: 0 !important; max-height: none !important; }
#hcl-shelf .thumbnail-lg { aspect-ratio: 4 / 3; }
#hcl-head, #hcl-status { padding: 0 !important; }
#hcl-found img { cursor: pointer; border-radius: 8px; width: 100%; height: auto; }
/* The photo stays in sight while it is worked on. */
#hcl-found .wrap.full, #hcl-compare .wrap.full {
  background: color-mix(in srgb, var(--block-background-fill) 60%, transparent);
}
#hcl-status p { margin: 0 0 4px; font-size: 1.02rem; }
#hcl-status .hcl-name { color: var(--body-text-color-subdued); font-size: 0.85rem; overflow-wrap: anywhere; }
#hcl-go { font-size: 1.12rem; min-height: 52px; }
#hcl-regions .wrap { max-height: 236px; overflow-y: auto; gap: 6px; }
#hcl-regions label, #hcl-view label { padding: 5px 9px; }
#hcl-side { gap: 12px; }
@media (max-width: 700px) {
  .gradio-container { padding: 10px 10px 40px !important; }
  #hcl-bench, #hcl-head, #hcl-intake { width: auto; }
  #hcl-head h1 { font-size: 1.5rem; }
  #hcl-head p { font-size: 0.95rem; }
}
/* What is touched by a finger is at least 40 pixels high; and phones zoom in on fields of smaller text than 16. */
@media (max-width: 700px), (pointer: coarse) {
  #hcl-tabs .tab-wrapper, #hcl-tabs .tab-container:not(.visually-hidden) { height: 44px; }
  #hcl-bench button.sm, #hcl-bench button.md { min-height: 44px; font-size: 1rem; padding: 4px 6px; }
  #hcl-bench #hcl-downloads button { white-space: nowrap; font-size: 0.9rem; }
  #hcl-compare .outer { width: 44px; left: -22px; }
  #hcl-compare .icon-wrap { left: 22px; }
  #hcl-regions label, #hcl-view label, #hcl-tap label, #hcl-fitting label { min-height: 40px; }
  #hcl-fine > .label-wrap { min-height: 40px; align-items: center; }
  #hcl-bench .tab-like-container { height: 42px; }
  #hcl-bench input[type=number] { font-size: 16px; }
  #hcl-bench input[type=range] { height: 40px; margin: -10px 0; }
  #hcl-side input[type=range]::-webkit-slider-thumb { width: 26px; height: 26px; margin-top: -9px; }
  #hcl-side input[type=range]::-webkit-slider-thumb { box-shadow: 0 0 4px #64748b; }
  #hcl-side input[type=range]::-moz-range-thumb { width: 26px; height: 26px; box-shadow: 0 0 4px #64748b; }
  #hcl-bench .icon-button { min-width: 40px; height: 40px; }
  #hcl-bench .icon-button div { width: 18px; height: 18px; }
  /* The tools lie below the photo instead of over it. */
  #hcl-paint .toolbar-wrap { flex-direction: row; width: auto; inset: auto auto 0 0; }
  #hcl-paint .half-container { flex-direction: row; padding: 0; }
  #hcl-paint .half-container:last-child { border-top: none; border-left: 1px solid var(--block-border-color); }
  #hcl-paint .toolbar-wrap button { width: 44px; height: 44px; }
  #hcl-paint .half-container > .wrap { inset: auto auto 52px 0; transform: none; }
  #hcl-paint .swatch { grid-template-columns: repeat(auto-fill, 44px); }
}
"""


def make_theme() -> themes.Base:
    """Make Gradio's plain theme in the page's color."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    return themes.Default(
        primary_hue="pink",
        neutral_hue="slate",
        radius_size="lg",
        font=sans,
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(button_primary_background_fill="#d81b60", button_primary_background_fill_hover="#ad1457")
