// What moves from experience to experience, from the pixel to the thing.
#pragma once

#include <array>
#include <string_view>

namespace cl::shapes {

/// Independent of each other; all at 0: images as they are drawn without a shift.
struct Knobs {
  double noise = 0;     // standard deviation of the noise; the image's range is 1
  double blur = 0;      // standard deviation of the blur, percent of the side
  double hue = 0;       // by which all colours turn, parts of the colour circle
  double contrast = 0;  // part of the contrast that is lost
  double texture = 0;   // part of the surfaces' light that their texture takes
  double scale = 0;     // of the shape, octaves: -1 is half as large
  double rotation = 0;  // of the shape, degrees counter-clockwise
};

/// A knob, for options and facts.
struct Knob {
  std::string_view name, doc;
  double Knobs::*value;
  double min, max;
};

inline constexpr std::array<Knob, 7> kKnobs{{
    {"noise", "low level: standard deviation of noise in [0, 1] images, an experience each",
     &Knobs::noise, 0, 1},
    {"blur", "low level: standard deviation of blur, percent of the side, an experience each",
     &Knobs::blur, 0, 25},
    {"hue", "low level: turn of all colours, parts of the circle, an experience each", &Knobs::hue,
     -1, 1},
    {"contrast", "low level: part of the contrast that is lost, an experience each",
     &Knobs::contrast, 0, 1},
    {"texture", "middle: part of the light that textures take, an experience each", &Knobs::texture,
     0, 1},
    {"scale", "middle: size of the shape, octaves (-1: half), an experience each", &Knobs::scale,
     -2, 0.5},
    {"rotation", "middle: turn of the shape, degrees counter-clockwise, an experience each",
     &Knobs::rotation, -180, 180},
}};

}  // namespace cl::shapes
