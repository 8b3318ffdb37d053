// Stands in for Emotion, of which Reflex uses one function: styles here are a width or a place, and a style attribute holds those.
import { createElement } from "react";

export function jsx(type, props, ...children) {
  if (!props?.css) return createElement(type, props, ...children);
  const { css, ...rest } = props;
  return createElement(type, { ...rest, style: css }, ...children);
}
