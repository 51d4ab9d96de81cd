package links

import (
	"math"
	"strconv"
	"strings"
)

// DefaultMetres is how far apart two points may lie and still be one place. A
// phone under open sky is right within about 5 m (GPS.gov, "GPS Accuracy": a
// 4.9 m radius); between buildings it may be several tens of metres off, and a
// witness who taps a map taps the gate or the beach of a hotel whose grounds
// are 100 to 200 m long. 200 m lets two such points meet; it is a choice, and
// not a measured number.
const DefaultMetres = 200

// A point's value is latitude and longitude with five decimals, about a metre:
// "12.92740,100.87710".

// minDecimals is how exact coordinates must be written to say where something
// is: the third decimal is 111 m of latitude.
const minDecimals = 3

// metresPerDegree of latitude, on a sphere of the Earth's mean radius of
// 6371008.8 m (IUGG). The sphere is wrong by at most 0.6 %: a metre and a bit
// of 200.
const (
	earthRadius     = 6371008.8
	metresPerDegree = earthRadius * math.Pi / 180
)

// nearValue returns the value of coordinates, or "" if they are none, too
// coarse, or the 0,0 that a device without a fix reports.
func nearValue(coordinates string) string {
	lat, lon, ok := strings.Cut(digits(coordinates), ",")
	if !ok || decimals(lat) < minDecimals || decimals(lon) < minDecimals {
		return ""
	}
	p, ok := parsePoint(lat + "," + lon)
	if !ok || math.Abs(p.lat) < 0.001 && math.Abs(p.lon) < 0.001 {
		return ""
	}
	return p.String()
}

func decimals(s string) int {
	_, after, _ := strings.Cut(strings.TrimSpace(s), ".")
	return len(after)
}

type point struct{ lat, lon float64 } // degrees, WGS 84

func (p point) String() string {
	return strconv.FormatFloat(p.lat, 'f', 5, 64) + "," + strconv.FormatFloat(p.lon, 'f', 5, 64)
}

func parsePoint(value string) (point, bool) {
	a, b, _ := strings.Cut(value, ",")
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	// The comparisons are false for what is not a number.
	if err1 != nil || err2 != nil || !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) {
		return point{}, false
	}
	return point{lat, lon}, true
}

// metres returns the distance on the sphere, by the haversine formula.
func (p point) metres(q point) float64 {
	rad := func(deg float64) float64 { return deg * math.Pi / 180 }
	sinLat, sinLon := math.Sin(rad(q.lat-p.lat)/2), math.Sin(rad(q.lon-p.lon)/2)
	h := sinLat*sinLat + cosine(p.lat)*cosine(q.lat)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// A grid divides the Earth into rows as high as the distance and each row into
// cells at least as wide, so that what is near a point lies in its own cell or
// in one that touches it.
type grid struct{ step float64 } // degrees of latitude

func newGrid(metres float64) grid { return grid{max(metres, 1) / metresPerDegree} }

// cell returns the bucket of a point.
func (g grid) cell(p point) string {
	row := math.Floor((p.lat + 90) / g.step)
	return g.bucket(row, math.Floor((p.lon+180)/g.width(row)))
}

// around returns the buckets in which points near p are.
func (g grid) around(p point) []string {
	var list []string
	row := math.Floor((p.lat + 90) / g.step)
	for r := row - 1; r <= row+1; r++ {
		width := g.width(r)
		cells := math.Ceil(360 / width)
		column := math.Floor((p.lon + 180) / width)
		// The last cell of a row is narrower: two steps over the antimeridian
		// reach what one does elsewhere.
		seen := make(map[float64]bool)
		for c := column - 2; c <= column+2; c++ {
			at := math.Mod(c+cells, cells)
			if !seen[at] {
				seen[at] = true
				list = append(list, g.bucket(r, at))
			}
		}
	}
	return list
}

// width returns the width of a row's cells in degrees of longitude. Its
// parallel nearest to a pole is the shortest; around the pole itself one cell
// is the whole row.
func (g grid) width(row float64) float64 {
	lat := max(math.Abs(row*g.step-90), math.Abs((row+1)*g.step-90))
	// A little more than the distance, for what rounding takes.
	return min(360, 1.01*g.step/max(cosine(min(lat, 90)), 1e-6))
}

func (g grid) bucket(row, column float64) string {
	return strconv.FormatInt(int64(row), 10) + "/" + strconv.FormatInt(int64(column), 10)
}

// cosine returns the cosine of degrees.
func cosine(degrees float64) float64 { return math.Cos(degrees * math.Pi / 180) }
