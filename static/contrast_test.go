package static_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

var property = regexp.MustCompile(`--([a-z0-9-]+):\s*#([0-9a-f]{3,6})\b`)

// colours reads the colour properties of a stylesheet.
func colours(css string) map[string][3]float64 {
	found := map[string][3]float64{}
	for _, m := range property.FindAllStringSubmatch(css, -1) {
		hex := m[2]
		if len(hex) == 3 {
			hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
		}
		var c [3]float64
		for i := range c {
			n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
			if err != nil {
				continue
			}
			c[i] = float64(n) / 255
		}
		found[m[1]] = c
	}
	return found
}

// contrast is the ratio of WCAG 2.
func contrast(a, b [3]float64) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(c [3]float64) float64 {
	var l float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := c[i] / 12.92
		if c[i] > 0.04045 {
			v = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}
