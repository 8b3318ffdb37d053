// Replaces Emotion, of which Reflex uses one function: styles in the portal are only widths and positions, and a style attribute can hold those.
import { createElement } from "react";

export function jsx(type, props, ...children) {
  if (!props?.css) return createElement(type, props, ...children);
  const { css, ...rest } = props;
  return createElement(type, { ...rest, style: css }, ...children);
}
