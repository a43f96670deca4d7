;;! component_model_map = false
;; Without the feature the type is refused.
(assert_invalid (component (type (map u8 u8))) "map")
